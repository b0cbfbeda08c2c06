-- The records of what the asking user administers. The objects of a record are what it names, the database of each
-- table and view, and *, which a grant over everything matches.
SELECT
    ymd,
    event_time,
    "user",
    statement_type,
    status,
    auth_failure,
    client_ip,
    client_ip_key,
    client_port,
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
    start_time,
    end_time,
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
    request_id_postfix,
    session_id,
    request_time,
    client_network_address,
    tenant,
    service,
    source_uri,
    source_offset,
    statement,
    extra
FROM okera_audit_logs
WHERE arrays_overlap(
    split(
        concat_ws(
            ',',
            '*',
            lower(replace(concat_ws(',', ae_database, ae_table, ae_view), ' ', '')),
            regexp_replace(lower(replace(concat_ws(',', ae_table, ae_view), ' ', '')), '\.[^,]*', '')
        ),
        ','
    ),
    (SELECT array_agg(object) FROM steward_grants WHERE user_name = current_user)
)
