-- The last day that there is, of what the asking user administers. Days to come are of clocks that are wrong.
SELECT $columns
FROM steward_audit_logs
WHERE ymd = (
    SELECT max(ymd)
    FROM okera_audit_logs
    WHERE ymd <= date_format(current_timestamp AT TIME ZONE 'UTC', '%Y-%m-%d')
)
