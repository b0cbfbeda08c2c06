{%- set tables = [('opa_decisions', 'opa', 'rows'), ('okera_audit_logs', 'okera-audit', 'rows'), ('quarantine', none, 'quarantined')] -%}
with found as (
{%- for name, source_type, counted in tables if audit_warehouse.has_table(name) %}
    {{ 'union all' if not loop.first }}
    select
        '{{ name }}' as table_name,
        (select count(*) from {{ source('audit_warehouse', name) }}) as in_table,
        (
            select coalesce(sum({{ adapter.quote(counted) }}), 0)
            from {{ source('audit_warehouse', 'ingested_objects') }}
            where state = 'committed'{% if source_type %} and source_type = '{{ source_type }}'{% endif %}
        ) as ingested,
        {% if audit_warehouse.has_table('amendments') -%}
        (
            select coalesce(sum({{ adapter.quote('rows') }}), 0)
            from {{ source('audit_warehouse', 'amendments') }}
            where table_name = '{{ name }}'
        )
        {%- else -%} 0 {%- endif %} as amended
{%- endfor %}
)
select
    table_name,
    in_table,
    ingested,
    amended,
    in_table - ingested - amended as difference
from found
