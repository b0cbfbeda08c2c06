SELECT 
  al.start_time_utc, 
  u.user_name, 
  g.group_name, 
  al.statement
FROM okera_system.reporting_audit_logs al
JOIN okera_system.users u ON u.user_name = al.user
JOIN okera_system.user_group_mappings ug ON ug.user_name_id = u.id
JOIN okera_system.groups g on ug.group_name_id = g.group_id 
WHERE 
  al.start_time_utc > (
    SELECT max(ugm.last_observed) 
    FROM okera_system.user_group_mappings ugm
    WHERE ugm.user_name_id = ug.user_name_id
      AND ugm.last_observed <= al.start_time_utc 
  )
  AND al.statement_type IN ('PLAN')
-- AND al.user IN ('janedoe', 'johndoe')
  AND al.user NOT IN ('admin', 'okera')
  AND al.ymd BETWEEN '2020-11-01' AND '2020-11-3'
  AND g.group_name NOT IN ('__okera_public_group')
  AND al.status = 'ok'
ORDER BY al.start_time_utc, u.user_name
