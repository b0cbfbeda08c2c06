"""Reads a table of the Glue catalog with PyIceberg: arguments database, table; prints rows, files and snapshots as JSON."""
import base64, datetime, json, sys
from collections.abc import Mapping
from glue import glue_catalog
from pyiceberg.expressions import EqualTo

database, name = sys.argv[1:3]
catalog = glue_catalog()
table = catalog.load_table(f"{database}.{name}")


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return value


days = sorted({row["ymd"] for row in table.scan(selected_fields=("ymd",)).to_arrow().to_pylist()})
print(json.dumps({
    "rows": plain(sorted(table.scan().to_arrow().to_pylist(), key=lambda row: row.get("id") or row.get("decision_id"))),
    "files": sorted(({
        "path": task.file.file_path, "rows": task.file.record_count, "partition": list(task.file.partition),
        "lower": plain(task.file.lower_bounds), "upper": plain(task.file.upper_bounds),
        "nulls": plain(task.file.null_value_counts), "sort_order": task.file.sort_order_id,
    } for task in table.scan().plan_files()), key=lambda file: file["path"]),
    "planned_by_day": {day: len(list(table.scan(row_filter=EqualTo("ymd", day)).plan_files())) for day in days},
    "snapshots": [{
        "id": str(snapshot.snapshot_id), "sequence": snapshot.sequence_number,
        "operation": snapshot.summary.operation.value, "summary": dict(snapshot.summary.additional_properties),
    } for snapshot in table.metadata.snapshots],
    "manifests": [{
        "added": m.added_files_count, "existing": m.existing_files_count, "deleted": m.deleted_files_count,
    } for m in (table.current_snapshot().manifests(table.io) if table.current_snapshot() else [])],
    "schema": [[field.field_id, field.name, str(field.field_type), field.required, field.doc] for field in table.schema().fields],
    "spec": str(table.spec()), "order": str(table.sort_order()),
}))
