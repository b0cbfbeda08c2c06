-- By metrics.timer_server_handler_ns, the time from the request to the answer, in nanoseconds.
SELECT
    server_handler_ns,
    event_time,
    decision_id,
    path,
    subject,
    action,
    resource,
    allowed,
    instance_id,
    source_uri
FROM opa_decisions
WHERE ymd BETWEEN $from_ymd AND $to_ymd
  AND event_time BETWEEN $from AND $to
  AND path = $path                                              -- when path
  AND server_handler_ns IS NOT NULL
ORDER BY server_handler_ns DESC, event_time, decision_id, source_uri, source_offset
LIMIT $limit
