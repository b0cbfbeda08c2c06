{{ config(enabled='opa_decisions' in var('audit_warehouse_tables'), materialized='table') }}
select
    subject,
    min(first_time) as first_seen,
    max(last_time) as last_seen,
    sum(decisions) as decisions,
    sum(case when allowed = false then decisions else 0 end) as denied
from {{ ref('audit_daily_decisions') }}
where subject is not null
group by subject
