{{ config(enabled='okera_audit_logs' in var('audit_warehouse_tables') and 'user_group_mappings' in var('audit_warehouse_tables')) }}
select
    events.ymd,
    member.group_name,
    events.statement_type,
    events.ae_table,
    count(*) as events,
    sum(case when events.auth_failure then 1 else 0 end) as denied,
    count(distinct events."user") as users
from {{ ref('audit_okera_events') }} as events
left join {{ source('audit_warehouse', 'groups_by_user') }} as member on member.user_name = events."user"
group by events.ymd, member.group_name, events.statement_type, events.ae_table
