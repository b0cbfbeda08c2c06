SELECT
  from_unixtime(cast(start_unix_time/1000 as int)) as start_time,
  from_unixtime(cast(end_unix_time/1000 as int)) as end_time,
  auth_failure,
  status,
  user,
  client_application,
  statement_type
FROM okera_system.reporting_audit_logs
WHERE
  ymd BETWEEN '2020-09-17' AND '2020-09-18'
  AND start_unix_time BETWEEN to_unixtime(
    from_iso8601_timestamp('2020-09-17T00:00:00Z'))*1000
    AND to_unixtime(
    from_iso8601_timestamp('2020-09-18T00:00:00Z'))*1000
  AND user NOT IN ('okera', 'admin')
