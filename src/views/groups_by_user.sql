-- The groups that each user presented when last observed.
SELECT DISTINCT
    u.user_name,
    g.group_name,
    m.last_observed
FROM user_group_mappings AS m
JOIN (
    SELECT user_name_id, max(last_observed) AS last_observed
    FROM user_group_mappings
    GROUP BY user_name_id
) AS newest ON newest.user_name_id = m.user_name_id AND newest.last_observed = m.last_observed
JOIN users AS u ON u.id = m.user_name_id
JOIN groups AS g ON g.group_id = m.group_name_id
