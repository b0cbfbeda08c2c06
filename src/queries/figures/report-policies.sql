SELECT
    path,
    count(*) AS decisions,
    count(*) FILTER (WHERE allowed) AS allowed,
    count(*) FILTER (WHERE NOT allowed) AS denied,
    count(path) OVER () AS of_all
FROM opa_decisions
WHERE ymd BETWEEN $from_ymd AND $to_ymd
  AND event_time BETWEEN $from AND $to                          -- when instants
  AND subject = $subject                                        -- when subject
  AND path = $path                                              -- when path
  AND source_uri IN (SELECT uri FROM ingested_objects WHERE source = $source) -- when source
GROUP BY path
ORDER BY denied DESC, decisions DESC, path
LIMIT $top
