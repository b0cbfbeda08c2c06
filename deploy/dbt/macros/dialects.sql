{# One row for each day from the first to the last, as column "day". #}
{% macro days_between(first, last) %}{{ return(adapter.dispatch('days_between', 'audit_warehouse')(first, last)) }}{% endmacro %}

{% macro default__days_between(first, last) %}
select cast(day as date) as date_day
from unnest(sequence(date '{{ first }}', date '{{ last }}', interval '1' day)) as days (day)
{% endmacro %}

{% macro duckdb__days_between(first, last) %}
select cast(day as date) as date_day
from generate_series(date '{{ first }}', date '{{ last }}', interval '1' day) as days (day)
{% endmacro %}

{# How a table of days is laid out: partitioned by ymd. #}
{% macro by_day() %}{{ return(adapter.dispatch('by_day', 'audit_warehouse')()) }}{% endmacro %}

{% macro default__by_day() %}{{ return({'incremental_strategy': 'delete+insert', 'unique_key': 'ymd'}) }}{% endmacro %}

{% macro trino__by_day() %}
  {{ return({'incremental_strategy': 'delete+insert', 'unique_key': 'ymd', 'properties': {'partitioning': "ARRAY['ymd']"}}) }}
{% endmacro %}

{# Athena has no delete+insert; a partition that is written replaces the one that was there. #}
{% macro athena__by_day() %}
  {{ return({'incremental_strategy': 'insert_overwrite', 'partitioned_by': ['ymd'], 'force_batch': true}) }}
{% endmacro %}
