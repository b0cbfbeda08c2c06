SELECT *
FROM okera_system.reporting_audit_logs
WHERE
  ymd BETWEEN '2020-09-17' AND '2020-09-18'
  AND start_unix_time BETWEEN 1600300801197 AND 1600387206546
  -- AND ae_table in ('marketing.transactions', 'creditcard.transactions_cc')
  AND user NOT IN ('okera', 'admin')
