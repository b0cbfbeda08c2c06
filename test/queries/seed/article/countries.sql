SELECT
        *
FROM
        "eopa_athena_tutorial_db"."eopa_athena_tutorial_table_01" AS decs
JOIN
    (
        -- The eopa_athena_tutorial_user_countries table has 2 columns, 
        -- "subject" and "country". If a subject is associated with multiple
        -- countries, more than one row with the same subject is used.
        -- Here we aggregate the countries for each subject into an array valued
        -- column, so that there is only 1 row per subject. This could have
        -- been avoided by structuring the data differently in the S3 bucket,
        -- however this approach demonstrates how nested SELECT statements
        -- can be used to manipulate data during joins.
        SELECT
            subject,
            array_agg(country) AS countries
        FROM
            "eopa_athena_tutorial_db"."eopa_athena_tutorial_user_countries"
        GROUP BY
            subject
    ) AS countries
ON
        CAST(json_extract(decs.input, '$.subject') AS varchar) = countries.subject
WHERE
        first_ts >= to_unixtime(from_iso8601_timestamp('2023-07-11T16:55:00Z'))
    AND
        first_ts <= to_unixtime(from_iso8601_timestamp('2023-07-11T17:00:00Z'))
    AND
        from_iso8601_timestamp(timestamp) >= from_iso8601_timestamp('2023-07-11T16:55:00Z')
    AND
        from_iso8601_timestamp(timestamp) <= from_iso8601_timestamp('2023-07-11T17:00:00Z')
    AND
        -- countries.countries is the array of countries associated with the 
        -- request subject (input.subject) which we constructed during the join.
        NOT contains(countries.countries, CAST(json_extract(decs.input, '$.country') AS varchar))
    AND
        CAST(json_extract(decs.result, '$.allowed') AS boolean) = true
