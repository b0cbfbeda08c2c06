SELECT
    u.user_name,
    g.group_name,
    ug.last_observed
FROM users AS u
JOIN user_group_mappings AS ug ON ug.user_name_id = u.id
JOIN "groups" AS g ON g.group_id = ug.group_name_id
WHERE true
  AND u.user_name IN ($users)                                   -- when users
ORDER BY u.user_name, ug.last_observed, g.group_name
