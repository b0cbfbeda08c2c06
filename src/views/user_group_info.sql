-- Every group that each user ever presented.
SELECT DISTINCT
    u.user_name,
    g.group_name
FROM user_group_mappings AS m
JOIN users AS u ON u.id = m.user_name_id
JOIN groups AS g ON g.group_id = m.group_name_id
