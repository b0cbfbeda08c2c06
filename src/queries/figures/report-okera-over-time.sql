SELECT
    ymd AS moment,                                              -- when day
    date_trunc('hour', event_time) AS moment,                   -- when hour
    date_trunc('minute', event_time) AS moment,                 -- when minute
    count(*) AS requests,
    count(*) FILTER (WHERE auth_failure) AS refused,
    count(*) FILTER (WHERE NOT coalesce(auth_failure, false) AND lower(status) <> 'ok') AS failed
FROM reporting_audit_logs
WHERE ymd BETWEEN $from_ymd AND $to_ymd
  AND event_time BETWEEN $from AND $to                          -- when instants
  AND "user" = $subject                                         -- when subject
  AND source_uri IN (SELECT uri FROM ingested_objects WHERE source = $source) -- when source
GROUP BY 1
ORDER BY 1
