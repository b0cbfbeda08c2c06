-- Which roles are granted to which groups, by name.
SELECT DISTINCT
    r.role_name,
    g.group_name
FROM role_group_ids AS granted
JOIN role_names AS r ON r.id = granted.role_id
JOIN group_names AS g ON g.id = granted.group_id
