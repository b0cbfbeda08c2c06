-- A record counts once for each table and view that it names.
SELECT
    trim(name) AS dataset,
    "user",
    count(*) AS accesses,
    count(*) FILTER (WHERE auth_failure) AS refused,
    count(*) OVER () AS of_all
FROM reporting_audit_logs
CROSS JOIN UNNEST(split(concat_ws(',', nullif(ae_table, ''), nullif(ae_view, '')), ',')) AS accessed (name)
WHERE ymd BETWEEN $from_ymd AND $to_ymd
  AND event_time BETWEEN $from AND $to                          -- when instants
  AND "user" = $subject                                         -- when subject
  AND source_uri IN (SELECT uri FROM ingested_objects WHERE source = $source) -- when source
  AND trim(name) <> ''
GROUP BY 1, 2
ORDER BY accesses DESC, dataset, "user"
LIMIT $top
