-- Who administers what: the stewards of the configuration, groups by the members that were last observed in them.
SELECT
    user_name,
    CAST(NULL AS varchar) AS group_name,
    object
FROM (VALUES /* stewards */) AS declared (user_name, group_name, object)
WHERE user_name IS NOT NULL
UNION ALL
SELECT
    member.user_name,
    declared.group_name,
    declared.object
FROM (VALUES /* stewards */) AS declared (user_name, group_name, object)
JOIN groups_by_user AS member ON member.group_name = declared.group_name
