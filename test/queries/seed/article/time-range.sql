SELECT
        *
FROM
        "eopa_athena_tutorial_db"."eopa_athena_tutorial_table_01"
WHERE
        first_ts >= to_unixtime(from_iso8601_timestamp('2023-07-11T16:55:00Z'))
    AND
        -- One might think last_ts would make more sense here, but remember that
        -- it's possible that a decision we're interested in could be in a batch
        -- which has a first_ts before the end of our time range, and a 
        -- last_ts after the end of our time range.
        first_ts <= to_unixtime(from_iso8601_timestamp('2023-07-11T17:00:00Z'))
    AND
        -- These last two conditions narrow down the timestamps within the
        -- selected partition(s). We could omit these if we were OK with having
        -- an error of up to +- the duration of a single batch - that might be
        -- faster in a situation where the typical batch duration is much
        -- smaller than the time range of interest.
        from_iso8601_timestamp(timestamp) >= from_iso8601_timestamp('2023-07-11T16:55:00Z')
    AND
        from_iso8601_timestamp(timestamp) <= from_iso8601_timestamp('2023-07-11T17:00:00Z')
