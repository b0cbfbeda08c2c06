SELECT
  start_time_utc,
  end_time_utc,
  auth_failure,
  status,
  user,
  client_application,
  statement_type
FROM okera_system.reporting_audit_logs
WHERE
   ymd BETWEEN '2020-09-17' AND '2020-09-18'
   AND start_time_utc BETWEEN '2020-09-17' AND '2020-09-18'
   AND user not in ('okera', 'admin', 'root')
