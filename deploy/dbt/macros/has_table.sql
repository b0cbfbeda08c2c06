{% macro has_table(name) %}{{ return(name in var('audit_warehouse_tables')) }}{% endmacro %}
