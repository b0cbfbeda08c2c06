SELECT
        *
FROM
        "eopa_athena_tutorial_db"."eopa_athena_tutorial_table_01"
WHERE
        first_ts >= to_unixtime(from_iso8601_timestamp('2023-07-11T16:55:00Z'))
    AND
        first_ts <= to_unixtime(from_iso8601_timestamp('2023-07-11T17:00:00Z'))
    AND
        from_iso8601_timestamp(timestamp) >= from_iso8601_timestamp('2023-07-11T16:55:00Z')
    AND
        from_iso8601_timestamp(timestamp) <= from_iso8601_timestamp('2023-07-11T17:00:00Z')
    AND
        CAST(json_extract(input, '$.subject') AS varchar) = 'dr_evil'
    AND
        -- json cannot be directly cast to an IPADDRESS, but we can cast it to
        -- a varchar first and then cast that to an IP.
        contains('203.0.113.64/27', CAST(CAST(json_extract(input, '$.client_ip') AS varchar) AS IPADDRESS))
