SELECT
    "user",
    count(*) AS requests,
    count(*) FILTER (WHERE auth_failure) AS refused,
    count("user") OVER () AS of_all
FROM reporting_audit_logs
WHERE ymd BETWEEN $from_ymd AND $to_ymd
  AND event_time BETWEEN $from AND $to                          -- when instants
  AND "user" = $subject                                         -- when subject
  AND source_uri IN (SELECT uri FROM ingested_objects WHERE source = $source) -- when source
GROUP BY "user"
ORDER BY requests DESC, "user"
LIMIT $top
