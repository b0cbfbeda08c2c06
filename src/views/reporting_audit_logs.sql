-- What users asked of the planner. A record without for_reporting is from a version that had no such field. Of a scan the
-- end is kept, which says more than the start.
SELECT
    ymd,
    event_time,
    date_format(start_time, '%Y-%m-%d %H:%i:%s.%f') AS start_time_utc,
    date_format(end_time, '%Y-%m-%d %H:%i:%s.%f') AS end_time_utc,
    "user",
    statement_type,
    status,
    auth_failure,
    client_ip,
    client_ip_key,
    client_application,
    ae_database,
    ae_table,
    ae_view,
    ae_attribute,
    ae_function,
    ae_path,
    ae_role,
    connected_user,
    default_db,
    start_unix_time,
    end_unix_time,
    for_reporting,
    num_results_returned,
    num_results_read,
    bytes_scanned,
    server_total_time_ms,
    queue_time_ms,
    planning_time_ms,
    execution_time_ms,
    request_id,
    request_id_prefix,
    session_id,
    request_time,
    client_network_address,
    tenant,
    source_uri,
    source_offset,
    statement
FROM okera_audit_logs
WHERE coalesce(for_reporting, true)
  AND coalesce(service, '') <> 'worker'
  AND coalesce(statement_type, '') NOT IN ('INTERNAL_API', 'SCAN_START')
  AND (service IS NOT NULL OR coalesce(statement_type, '') <> 'SCAN_END')
