-- By day only: the time of a record in quarantine may be what is wrong with it.
SELECT
    reason,
    source_type,
    count(*) AS records,
    min(ymd) AS first_day,
    max(ymd) AS last_day,
    sum(count(*)) OVER () AS all_records,
    count(*) OVER () AS of_all
FROM quarantine
WHERE ymd BETWEEN $from_ymd AND $to_ymd
  AND source_uri IN (SELECT uri FROM ingested_objects WHERE source = $source) -- when source
GROUP BY reason, source_type
ORDER BY records DESC, reason, source_type
LIMIT $top
