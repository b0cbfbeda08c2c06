{# Every record became a row, went to quarantine, was there already or was a line of another program. #}
{{ config(enabled='ingested_objects' in var('audit_warehouse_tables')) }}
select uri, etag, records, {{ adapter.quote('rows') }}, quarantined, duplicates, skipped
from {{ source('audit_warehouse', 'ingested_objects') }}
where state = 'committed' and records <> {{ adapter.quote('rows') }} + quarantined + duplicates + skipped
