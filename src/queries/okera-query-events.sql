-- The end of a scan says more than its start, which is left out unless `types` names it.
SELECT
    request_id,
    statement_type,
    event_time,
    "user",
    num_results_returned,
    num_results_read,
    bytes_scanned,
    statement
FROM okera_audit_logs
WHERE true
  AND ymd >= $from_ymd AND event_time >= $from                  -- when from
  AND ymd <= $to_ymd AND event_time <= $to                      -- when to
  AND request_id_prefix = $request                              -- when request
  AND statement_type IN ($types)
ORDER BY request_id_prefix, request_id_postfix, event_time, statement_type, source_uri, source_offset
