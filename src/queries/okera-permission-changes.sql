-- What a role held at an instant, with all spellings of statements and DROP ROLE: role-groups-at.
SELECT
    start_time_utc,
    action,
    role,
    "group",
    executing_user,
    status,
    statement
FROM (
    SELECT
        event_time,
        start_time_utc,
        statement_type AS action,
        regexp_extract(statement, '(?i)(?:GRANT|REVOKE) ROLE `?([^;`]+)`? (?:FROM|TO) GROUP `?([^`;]+)`?[;]?', 1) AS role,
        regexp_extract(statement, '(?i)(?:GRANT|REVOKE) ROLE `?([^;`]+)`? (?:FROM|TO) GROUP `?([^`;]+)`?[;]?', 2) AS "group",
        "user" AS executing_user,
        status,
        statement,
        source_uri,
        source_offset
    FROM reporting_audit_logs
    WHERE ymd BETWEEN $from_ymd AND $to_ymd
      AND event_time BETWEEN $from AND $to                      -- when instants
      AND statement_type IN ('GRANT_ROLE', 'REVOKE_ROLE')
) AS changes
WHERE true
  AND role = $role                                              -- when role
  AND "group" = $group                                          -- when group
ORDER BY event_time, source_uri, source_offset
