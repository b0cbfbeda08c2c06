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
  AND NOT allowed
GROUP BY subject, action, resource
ORDER BY denied DESC, subject, action, resource
LIMIT $top
