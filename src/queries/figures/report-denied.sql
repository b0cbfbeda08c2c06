SELECT
    subject,
    action,
    resource,
    count(*) AS denied,
    min(event_time) AS first_time,
    max(event_time) AS last_time,
    count(*) OVER () AS of_all
FROM opa_decisions
WHERE ymd BETWEEN $from_ymd AND $to_ymd
  AND event_time BETWEEN $from AND $to                          -- when instants
  AND subject = $subject                                        -- when subject
  AND path = $path                                              -- when path
  AND source_uri IN (SELECT uri FROM ingested_objects WHERE source = $source) -- when source
  AND NOT allowed
GROUP BY subject, action, resource
ORDER BY denied DESC, subject, action, resource
LIMIT $top
