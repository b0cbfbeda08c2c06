SELECT u.user_name, g.group_name, ug.last_observed 
FROM okera_system.users u 
JOIN okera_system.user_group_mappings ug ON ug.user_name_id = u.id 
JOIN okera_system.groups g on ug.group_name_id = g.group_id 
ORDER BY u.user_name, ug.last_observed
