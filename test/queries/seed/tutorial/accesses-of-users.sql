SELECT
  ae_table AS query_table,
  client_application AS app,
  ymd,
  count(*) AS count
FROM okera_system.reporting_audit_logs
WHERE
  ymd BETWEEN '2020-09-17' AND '2020-09-18'
  user IN ('janedoe', 'johndoe')
GROUP BY ae_table, user, client_application, ymd
ORDER BY query_table, user, client_application, ymd ASC;
