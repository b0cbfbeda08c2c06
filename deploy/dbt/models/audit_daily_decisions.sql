{{ config(enabled='opa_decisions' in var('audit_warehouse_tables'), materialized='incremental', **audit_warehouse.by_day()) }}
{{ config(pre_hook="{{ audit_warehouse.delete_days_without_events(ref('audit_decisions')) }}") }}
select
    subject,
    path,
    allowed,
    count(*) as decisions,
    min(event_time) as first_time,
    max(event_time) as last_time,
    ymd
from {{ ref('audit_decisions') }}
{% if is_incremental() -%}
where {{ audit_warehouse.on_days(audit_warehouse.changed_days(ref('audit_decisions'), 'decisions')) }}
{% endif -%}
group by subject, path, allowed, ymd
