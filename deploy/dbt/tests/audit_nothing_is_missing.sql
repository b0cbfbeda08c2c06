{# Rows in a table are those that the ledger says were ingested, and what was put in or taken out on purpose since. #}
{{ config(enabled='ingested_objects' in var('audit_warehouse_tables')) }}
select * from {{ ref('audit_completeness') }} where difference <> 0
