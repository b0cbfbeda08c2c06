-- What users asked of the planner. A record without for_reporting is from a version that had no such field. Of a scan the
-- end is kept, which says more than the start.
SELECT
    ymd,
    event_time,
    date_format(start_time, '%Y-%m-%d %H:%i:%s.%f') AS start_time_utc,
    date_format(end_time, '%Y-%m-%d %H:%i:%s.%f') AS end_time_utc,
    $columns(user…)
FROM okera_audit_logs
WHERE coalesce(for_reporting, true)
  AND coalesce(service, '') <> 'worker'
  AND coalesce(statement_type, '') NOT IN ('INTERNAL_API', 'SCAN_START')
  AND (service IS NOT NULL OR coalesce(statement_type, '') <> 'SCAN_END')
