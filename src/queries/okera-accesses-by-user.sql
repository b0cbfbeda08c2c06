SELECT
    ae_table AS query_table,
    "user" AS query_user,
    count(*) AS count
FROM reporting_audit_logs
WHERE ymd BETWEEN $from_ymd AND $to_ymd
  AND event_time BETWEEN $from AND $to                          -- when instants
  AND "user" IN ($users)                                        -- when users
  AND ae_table IN ($tables)                                     -- when tables
  AND statement_type IN ($types)                                -- when types
GROUP BY ae_table, "user"
ORDER BY query_table, query_user
