-- A decision counts once for each of its labels.
SELECT
    name,
    labels[name] AS value,
    count(*) AS decisions,
    count(*) FILTER (WHERE allowed) AS allowed,
    count(*) FILTER (WHERE NOT allowed) AS denied,
    count(*) OVER () AS of_all
FROM opa_decisions
CROSS JOIN UNNEST(map_keys(labels)) AS labelled (name)
WHERE ymd BETWEEN $from_ymd AND $to_ymd
  AND event_time BETWEEN $from AND $to                          -- when instants
  AND subject = $subject                                        -- when subject
  AND path = $path                                              -- when path
  AND source_uri IN (SELECT uri FROM ingested_objects WHERE source = $source) -- when source
GROUP BY 1, 2
ORDER BY denied DESC, decisions DESC, 1, 2
LIMIT $top
