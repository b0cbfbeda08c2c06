{# One scan for all columns of a table, where a test of each would be one each: engines are paid by the bytes that they read. #}
{% test never_null(model, columns) %}
select *
from (select {% for column in columns %}count(*) - count({{ adapter.quote(column) }}) as {{ adapter.quote(column) }}{{ ', ' if not loop.last }}{% endfor %} from {{ model }}) as nulls
where {% for column in columns %}{{ adapter.quote(column) }} > 0{{ ' or ' if not loop.last }}{% endfor %}
{% endtest %}
