{{ config(enabled=var('audit_warehouse_time_spine'), materialized='table') }}
{{ audit_warehouse.days_between('2015-01-01', '2039-12-31') }}
