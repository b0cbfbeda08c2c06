-- Groups of one authentication were observed at one time: the last one at or before the statement counts.
SELECT
    start_time_utc,
    user_name,
    group_name,
    statement
FROM (
    SELECT
        al.event_time,
        al.start_time_utc,
        al.source_uri,
        al.source_offset,
        al.statement,
        u.user_name,
        g.group_name,
        ug.last_observed,
        max(ug.last_observed) OVER (PARTITION BY al.source_uri, al.source_offset) AS latest
    FROM reporting_audit_logs AS al
    JOIN users AS u ON u.user_name = al."user"
    JOIN user_group_mappings AS ug ON ug.user_name_id = u.id AND ug.last_observed <= al.start_time_utc
    JOIN "groups" AS g ON g.group_id = ug.group_name_id
    WHERE al.ymd BETWEEN $from_ymd AND $to_ymd
      AND al.event_time BETWEEN $from AND $to                   -- when instants
      AND al.statement_type = 'PLAN'
      AND al.status = 'ok'
      AND al."user" IN ($users)                                 -- when users
      AND al."user" NOT IN ($except_users)                      -- when except_users
) AS reads
WHERE last_observed = latest
  AND group_name NOT IN ($except_groups)                        -- when except_groups
ORDER BY event_time, user_name, group_name, source_uri, source_offset
