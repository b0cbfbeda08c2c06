SELECT request_id, statement_type, statement 
FROM okera_system.steward_audit_logs
WHERE statement_type IN ('PLAN', 'SCAN_END') 
ORDER BY 1
