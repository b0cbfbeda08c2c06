{# The first of the days that are looked at, and the last: tomorrow, for clocks that are ahead. #}
{% macro first_day() -%}
  {{ "'" ~ (run_started_at - modules.datetime.timedelta(days=var('audit_warehouse_days') | int)).strftime('%Y-%m-%d') ~ "'" }}
{%- endmacro %}

{% macro last_day() -%}
  {{ "'" ~ (run_started_at + modules.datetime.timedelta(days=1)).strftime('%Y-%m-%d') ~ "'" }}
{%- endmacro %}

{#
  The days whose rows are not those that this model was made of: events that came late, duplicates that compact dropped, rows
  that were erased or are past their retention. They are looked up first and stand as literals in the statements that follow, so
  that every engine leaves the other days unread.
#}
{% macro changed_days(of, counted) %}
  {% set days = [] %}
  {% if execute %}
    {% set found %}
      select coalesce(s.ymd, t.ymd) as ymd
      from (select ymd, count(*) as events from {{ of }} group by ymd) as s
      full outer join (select ymd, sum({{ counted }}) as events from {{ this }} group by ymd) as t on s.ymd = t.ymd
      where coalesce(s.events, 0) <> coalesce(t.events, 0)
      order by 1
    {% endset %}
    {% for day in run_query(found).columns[0].values() %}{% do days.append(day) %}{% endfor %}
  {% endif %}
  {{ return(days) }}
{% endmacro %}

{# A condition on ymd; false where there are no days. #}
{% macro on_days(days) -%}
  {% if days | length == 0 %}1 = 0{% else %}ymd in ({% for day in days %}'{{ day | replace("'", "''") }}'{{ ', ' if not loop.last }}{% endfor %}){% endif %}
{%- endmacro %}

{# Deletes the days of this model that have no events any more. The others are replaced by the model itself. #}
{% macro delete_days_without_events(of) -%}
  {% if is_incremental() %}{{ adapter.dispatch('delete_days_without_events', 'audit_warehouse')(of) }}{% endif %}
{%- endmacro %}

{% macro default__delete_days_without_events(of) -%}
  delete from {{ this }} where ymd not in (select distinct ymd from {{ of }})
{%- endmacro %}

{# A table of Hive's has no DELETE. #}
{% macro athena__delete_days_without_events(of) -%}
  {% if execute %}
    {% set found = run_query('select distinct ymd from ' ~ this ~ ' where ymd not in (select distinct ymd from ' ~ of ~ ')') %}
    {% for day in found.columns[0].values() %}{% do adapter.clean_up_partitions(this, "ymd = '" ~ day ~ "'") %}{% endfor %}
  {% endif %}
{%- endmacro %}
