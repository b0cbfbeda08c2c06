SELECT
    start_time_utc,
    end_time_utc,
    auth_failure,
    status,
    "user",
    client_application,
    statement_type,
    ae_table,
    request_id,
    statement
FROM reporting_audit_logs
WHERE ymd BETWEEN $from_ymd AND $to_ymd
  AND event_time BETWEEN $from AND $to
  AND "user" IN ($users)                                        -- when users
  AND "user" NOT IN ($except_users)                             -- when except_users
  AND ae_table IN ($tables)                                     -- when tables
  AND statement_type IN ($types)                                -- when types
ORDER BY event_time, request_id, source_uri, source_offset
