SELECT
    event_time,
    "user",
    connected_user,
    client_ip,
    client_application,
    statement_type,
    status,
    ae_database,
    ae_table,
    statement,
    request_id,
    source_uri
FROM okera_audit_logs
WHERE ymd BETWEEN $from_ymd AND $to_ymd
  AND event_time BETWEEN $from AND $to
  AND auth_failure
  AND "user" IN ($users)                                        -- when users
ORDER BY event_time, request_id, source_uri, source_offset
