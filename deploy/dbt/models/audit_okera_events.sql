{{ config(enabled='okera_audit_logs' in var('audit_warehouse_tables')) }}
select * from {{ source('audit_warehouse', 'okera_audit_logs') }}
