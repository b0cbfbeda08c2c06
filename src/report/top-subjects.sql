SELECT
    subject,
    count(*) AS decisions,
    count(*) FILTER (WHERE allowed) AS allowed,
    count(*) FILTER (WHERE NOT allowed) AS denied,
    count(*) OVER () AS of_all
FROM opa_decisions
WHERE ymd BETWEEN $from_ymd AND $to_ymd
  AND event_time BETWEEN $from AND $to                          -- when instants
GROUP BY subject
ORDER BY decisions DESC, subject
LIMIT $top
