{{ config(enabled='opa_decisions' in var('audit_warehouse_tables'), materialized='table') }}
select
    subject,
    action,
    resource,
    denied_at,
    event_time as allowed_at,
    denied_id,
    decision_id as allowed_id,
    denied_from,
    client_ip as allowed_from,
    message,
    ymd
from (
    select
        subject,
        action,
        resource,
        event_time,
        decision_id,
        client_ip,
        allowed,
        message,
        ymd,
        lag(allowed) over tries as was_allowed,
        lag(event_time) over tries as denied_at,
        lag(decision_id) over tries as denied_id,
        lag(client_ip) over tries as denied_from
    from {{ ref('audit_decisions') }}
    where ymd between {{ audit_warehouse.first_day() }} and {{ audit_warehouse.last_day() }}
      and subject is not null
      and allowed is not null
    window tries as (
        partition by subject, action, resource
        order by event_time, decision_id, source_uri, source_offset
    )
) as decisions
where allowed
  and not was_allowed
  and event_time <= denied_at + interval '60' minute
