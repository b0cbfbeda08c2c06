SELECT
    "user" AS query_user,
    ae_table AS query_table,
    statement,
    count(*) AS count
FROM reporting_audit_logs
WHERE ymd BETWEEN $from_ymd AND $to_ymd
  AND event_time BETWEEN $from AND $to                          -- when instants
  AND "user" IN ($users)                                        -- when users
  AND ae_table IN ($tables)                                     -- when tables
  AND statement_type IN ($types)                                -- when types
GROUP BY "user", ae_table, statement
ORDER BY query_user, query_table, statement
