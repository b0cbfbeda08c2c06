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
        -- Extract the "subject" field from the input column, a JSON string
        -- representing the input document used in the request to OPA. We
        -- must use the CAST keyword because json_extract returns a special
        -- 'json' type which cannot be directly compared to a string (varchar)
        -- literal.
        CAST(json_extract(input, '$.subject') AS varchar) = 'dr_evil'
