SELECT 
  start_time_utc,
  user,
  statement_type,
  statement
FROM okera_system.reporting_audit_logs
WHERE
  ymd BETWEEN '2020-10-05' AND '2020-10-06'
  AND (statement_type = 'GRANT_ROLE' OR statement_type = 'REVOKE_ROLE')
