-- A scan is one task of a query: its start and its end have one request id. What took how long is told by when the two were
-- logged, since end_unix_time is wrong by the local offset in old records. A query at the edge of the range shows in part.
SELECT
    request_id_prefix AS request,
    max("user") AS "user",
    min(planned_at) AS planned_at,
    max(statement) AS statement,
    max(ae_table) AS ae_table,
    count(ended_at) AS scans,
    count(*) FILTER (WHERE started_at IS NOT NULL AND ended_at IS NULL) AS unfinished_scans,
    min(started_at) AS first_scan_at,
    max(ended_at) AS last_scan_at,
    max(scan_ms) AS longest_scan_ms,
    CAST(sum(scan_ms) AS bigint) AS scan_ms,
    CAST(sum(rows_returned) AS bigint) AS rows_returned,
    CAST(sum(rows_read) AS bigint) AS rows_read,
    CAST(sum(bytes_scanned) AS bigint) AS bytes_scanned
FROM (
    SELECT
        request_id_prefix,
        max("user") AS "user",
        max(statement) AS statement,
        max(ae_table) AS ae_table,
        min(event_time) AS first_at,
        min(event_time) FILTER (WHERE statement_type = 'PLAN') AS planned_at,
        min(event_time) FILTER (WHERE statement_type = 'SCAN_START') AS started_at,
        max(event_time) FILTER (WHERE statement_type = 'SCAN_END') AS ended_at,
        date_diff(
            'millisecond',
            date_trunc('millisecond', min(event_time) FILTER (WHERE statement_type = 'SCAN_START')),
            date_trunc('millisecond', max(event_time) FILTER (WHERE statement_type = 'SCAN_END'))
        ) AS scan_ms,
        sum(num_results_returned) FILTER (WHERE statement_type = 'SCAN_END') AS rows_returned,
        sum(num_results_read) FILTER (WHERE statement_type = 'SCAN_END') AS rows_read,
        sum(bytes_scanned) FILTER (WHERE statement_type = 'SCAN_END') AS bytes_scanned
    FROM okera_audit_logs
    WHERE ymd BETWEEN $from_ymd AND $to_ymd
      AND event_time BETWEEN $from AND $to
      AND statement_type IN ('PLAN', 'SCAN_START', 'SCAN_END')
      AND request_id_prefix = $request                          -- when request
      AND "user" IN ($users)                                    -- when users
      AND request_id_prefix IS NOT NULL
    GROUP BY request_id_prefix, request_id
) AS tasks
GROUP BY request_id_prefix
ORDER BY min(first_at), request_id_prefix
