SELECT
    ymd AS moment,                                              -- when day
    date_trunc('hour', event_time) AS moment,                   -- when hour
    date_trunc('minute', event_time) AS moment,                 -- when minute
    count(*) AS decisions
FROM opa_decisions
WHERE ymd BETWEEN $from_ymd AND $to_ymd
  AND event_time BETWEEN $from AND $to                          -- when instants
  AND subject = $subject                                        -- when subject
  AND path = $path                                              -- when path
  AND source_uri IN (SELECT uri FROM ingested_objects WHERE source = $source) -- when source
  AND allowed IS NULL
  AND error IS NULL
  AND result IS NULL
GROUP BY 1
ORDER BY 1
