-- From the latest event in an object to the commit that made its rows visible, in seconds; percentiles by nearest rank.
SELECT
    source,
    max(readings) AS readings,
    min(CASE WHEN place * 2 >= readings THEN lag_s END) AS median,
    min(CASE WHEN place * 20 >= readings * 19 THEN lag_s END) AS p95,
    max(lag_s) AS longest,
    count(*) FILTER (WHERE lag_s < 60) AS below_1_min,
    count(*) FILTER (WHERE lag_s >= 60 AND lag_s < 300) AS below_5_min,
    count(*) FILTER (WHERE lag_s >= 300 AND lag_s < 900) AS below_15_min,
    count(*) FILTER (WHERE lag_s >= 900 AND lag_s < 3600) AS below_1_h,
    count(*) FILTER (WHERE lag_s >= 3600 AND lag_s < 21600) AS below_6_h,
    count(*) FILTER (WHERE lag_s >= 21600 AND lag_s < 86400) AS below_1_d,
    count(*) FILTER (WHERE lag_s >= 86400 AND lag_s < 604800) AS below_7_d,
    count(*) FILTER (WHERE lag_s >= 604800) AS longer
FROM (
    SELECT
        source,
        lag_s,
        row_number() OVER (PARTITION BY source ORDER BY lag_s) AS place,
        count(*) OVER (PARTITION BY source) AS readings
    FROM (
        SELECT
            source,
            date_diff('second', max_event_time, committed_at) AS lag_s
        FROM ingested_objects
        WHERE state = 'committed'
          AND min_event_time <= $to
          AND max_event_time >= $from
          AND source = $source                                          -- when source
    ) AS lags
) AS ranked
GROUP BY source
ORDER BY source
