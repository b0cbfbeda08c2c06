-- All that is known about one decision; its record stands in source_uri, from byte source_offset after decompression.
SELECT
    event_time,
    decision_id,
    subject,
    action,
    resource,
    allowed,
    message,
    roles,
    client_ip,
    country,
    region,
    path,
    query,
    requested_by,
    trace_id,
    instance_id,
    opa_version,
    server_handler_ns,
    erased,
    masked,
    labels,
    metrics,
    bundles,
    error,
    input,
    result,
    extra,
    source_uri,
    source_offset
FROM opa_decisions
WHERE decision_id = $id
  AND ymd >= $from_ymd AND event_time >= $from                  -- when from
  AND ymd <= $to_ymd AND event_time <= $to                      -- when to
ORDER BY event_time, source_uri, source_offset
