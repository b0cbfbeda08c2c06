{{ config(enabled='opa_decisions' in var('audit_warehouse_tables')) }}
select * from {{ source('audit_warehouse', 'opa_decisions') }}
