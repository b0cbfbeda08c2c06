-- `bundles` is the exact JSON text of the loaded bundles with their revisions; `revision` is what there was before bundles.
-- `undecided`: the policy gave no verdict, which an enforcement point has to take for a denial.
SELECT
    path,
    revision,
    bundles,
    count(*) AS decisions,
    count(*) FILTER (WHERE allowed) AS allowed,
    count(*) FILTER (WHERE NOT allowed) AS denied,
    count(*) FILTER (WHERE allowed IS NULL) AS undecided,
    count(error) AS errors,
    min(event_time) AS first_time,
    max(event_time) AS last_time
FROM opa_decisions
WHERE ymd BETWEEN $from_ymd AND $to_ymd
  AND event_time BETWEEN $from AND $to
  AND path = $path                                              -- when path
GROUP BY path, revision, bundles
ORDER BY path, first_time, revision, bundles
