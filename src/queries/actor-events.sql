SELECT
    "time",
    "system",
    action,
    resource,
    allowed,
    reason,
    client_ip,
    id,
    source_uri
FROM audit_events
WHERE actor = $actor
  AND ymd >= $from_ymd AND "time" >= $from                      -- when from
  AND ymd <= $to_ymd AND "time" <= $to                          -- when to
ORDER BY "time", "system", id, source_uri, source_offset
