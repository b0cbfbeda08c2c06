-- A decision has one outcome: the verdict where there is one, or else an error, or else no result at all (undefined), or a
-- result without a verdict. Whether there is a result is asked in report-undefined.sql, which reads a wide column.
SELECT
    ymd AS moment,                                              -- when day
    date_trunc('hour', event_time) AS moment,                   -- when hour
    date_trunc('minute', event_time) AS moment,                 -- when minute
    count(*) AS decisions,
    count(*) FILTER (WHERE allowed) AS allowed,
    count(*) FILTER (WHERE NOT allowed) AS denied,
    count(*) FILTER (WHERE allowed IS NULL AND error IS NOT NULL) AS errors
FROM opa_decisions
WHERE ymd BETWEEN $from_ymd AND $to_ymd
  AND event_time BETWEEN $from AND $to                          -- when instants
  AND subject = $subject                                        -- when subject
  AND path = $path                                              -- when path
  AND source_uri IN (SELECT uri FROM ingested_objects WHERE source = $source) -- when source
GROUP BY 1
ORDER BY 1
