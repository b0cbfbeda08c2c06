-- `known`: how many there were before the range; none means that nothing can be told to be new.
SELECT
    resource,
    first_time,
    last_time,
    decisions,
    denied,
    count(*) OVER () AS of_all,
    known
FROM (
    SELECT
        resource,
        first_time,
        last_time,
        decisions,
        denied,
        count(CASE WHEN first_time < $from THEN 1 END) OVER () AS known
    FROM (
        SELECT
            resource,
            min(event_time) AS first_time,
            max(event_time) AS last_time,
            count(*) AS decisions,
            count(*) FILTER (WHERE NOT allowed) AS denied
        FROM opa_decisions
        WHERE ymd BETWEEN $since_ymd AND $to_ymd
          AND event_time BETWEEN $since AND $to
          AND subject = $subject                                        -- when subject
          AND path = $path                                              -- when path
          AND source_uri IN (SELECT uri FROM ingested_objects WHERE source = $source) -- when source
        GROUP BY 1
    ) AS ever
    WHERE resource IS NOT NULL
) AS dated
WHERE first_time >= $from
ORDER BY first_time, dated.resource
LIMIT $top
