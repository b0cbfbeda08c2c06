-- All of them, whether they are for reporting or not and whether they succeeded or not. Older records say only DDL.
SELECT
    event_time,
    "user",
    statement_type,
    status,
    auth_failure,
    substr(statement, 1, 400) AS statement,
    count(CASE WHEN statement_type LIKE 'GRANT%' OR regexp_like(statement, '(?i)^\s*GRANT\s') THEN 1 END) OVER () AS grants,
    count(CASE WHEN statement_type LIKE 'REVOKE%' OR regexp_like(statement, '(?i)^\s*REVOKE\s') THEN 1 END) OVER () AS revocations,
    count(*) OVER () AS of_all
FROM okera_audit_logs
WHERE ymd BETWEEN $from_ymd AND $to_ymd
  AND event_time BETWEEN $from AND $to                          -- when instants
  AND "user" = $subject                                         -- when subject
  AND source_uri IN (SELECT uri FROM ingested_objects WHERE source = $source) -- when source
  AND (
    statement_type LIKE 'GRANT%'
    OR statement_type LIKE 'REVOKE%'
    OR statement_type IN ('CREATE_ROLE', 'DROP_ROLE')
    OR (statement_type = 'DDL' AND regexp_like(statement, '(?i)^\s*(GRANT|REVOKE|CREATE\s+ROLE|DROP\s+ROLE)\s'))
  )
ORDER BY event_time DESC, request_id, source_uri, source_offset
LIMIT $top
