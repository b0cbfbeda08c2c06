SELECT
    statement_type,
    count(statement_type) AS cnt
FROM okera_audit_logs
WHERE true
  AND ymd >= $from_ymd AND event_time >= $from                  -- when from
  AND ymd <= $to_ymd AND event_time <= $to                      -- when to
GROUP BY statement_type
ORDER BY cnt DESC, statement_type
