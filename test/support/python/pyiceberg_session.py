"""Tables of a Glue database through PyIceberg: one request after another, see statements.py.

Argument: database. A request {"table": name, "columns": [name, ...]} (all where left out) is answered with {"columns": [...],
"rows": [[value, ...]]}, values as plain.py has them; {"version": true} with {"version": text}. {"call": name, ...} carries out one of CALLS on a table, which is
opa_decisions where the request names none.
"""

import datetime
import sys

import pyarrow
import pyiceberg
from plain import plain
from glue import glue_catalog
from pyiceberg.expressions import EqualTo
from pyiceberg.transforms import BucketTransform
from pyiceberg.types import LongType, StringType
from statements import serve

catalog = glue_catalog()


def foreign(table, rows):
    """Decisions that are of no object; the matrix says of them what operations.ts has."""
    records = [{
        **{field.name: None for field in table.schema().fields},
        "ymd": row["ymd"], "event_time": datetime.datetime.fromisoformat(f"{row['ymd']}T10:00:00"),
        "timestamp": f"{row['ymd']}T10:00:00Z", "decision_id": row["id"], "subject": row["subject"],
        "resource": row["resource"], "source_uri": "foreign", "source_offset": 0,
    } for row in rows]
    return pyarrow.Table.from_pylist(records, schema=table.schema().as_arrow())


def changed(table, where, resource):
    rows = table.scan(row_filter=where).to_arrow()
    at = rows.schema.get_field_index("resource")
    return rows.set_column(at, rows.schema.field(at), pyarrow.array([resource] * rows.num_rows, rows.schema.field(at).type))


def upsert(table, where, resource, rows):
    # It compares with the columns of the current snapshot, and fails where they have changed since.
    if table.current_snapshot().schema_id != table.schema().schema_id:
        table.append(foreign(table, []))
    given = pyarrow.concat_tables([changed(table, where, resource), foreign(table, rows)], promote_options="permissive")
    table.upsert(given.cast(table.schema().as_arrow()), join_cols=["decision_id"])


def schema(table, add=None, drop=None, rename=None, first=None, widen=None):
    with table.update_schema(allow_incompatible_changes=True) as change:
        if add:
            change.add_column(add, StringType())
        if drop:
            change.delete_column(drop)
        if rename:
            change.rename_column(*rename)
        if first:
            change.move_first(first)
        if widen:
            change.update_column(widen, field_type=LongType())


def partition(table, bucket):
    with table.update_spec() as change:
        change.add_field(bucket, BucketTransform(2), f"{bucket}_bucket")


def tag(table, name):
    table.manage_snapshots().create_tag(table.current_snapshot().snapshot_id, name).commit()


def branch(table, name, rows):
    table.manage_snapshots().create_branch(table.current_snapshot().snapshot_id, name).commit()
    table.append(foreign(table, rows), branch=name)


def expire(table):
    table.maintenance.expire_snapshots().older_than(datetime.datetime.now()).commit()


CALLS = {
    "append": lambda table, rows: table.append(foreign(table, rows)),
    "copy": lambda table, where: table.append(table.scan(row_filter=where).to_arrow()),
    "delete": lambda table, where: table.delete(where),
    "overwrite": lambda table, ymd, where: table.overwrite(table.scan(row_filter=where).to_arrow(), overwrite_filter=EqualTo("ymd", ymd)),
    "update": lambda table, where, resource: table.overwrite(changed(table, where, resource), overwrite_filter=where),
    "upsert": upsert,
    "schema": schema,
    "partition": partition,
    "tag": tag,
    "branch": branch,
    "expire": expire,
    "unregister": lambda table: catalog.drop_table(table.name()),
}


def answer(request):
    if "version" in request:
        return {"rows": [], "version": pyiceberg.__version__}
    if "call" in request:
        given = {name: value for name, value in request.items() if name not in ("call", "table")}
        CALLS[request["call"]](catalog.load_table((sys.argv[1], request.get("table", "opa_decisions"))), **given)
        return {"rows": []}
    table = catalog.load_table((sys.argv[1], request["table"]))
    columns = request.get("columns") or [field.name for field in table.schema().fields]
    arrow = table.scan(selected_fields=tuple(columns)).to_arrow()
    lists = [arrow.column(name).to_pylist() for name in columns]
    return {"columns": columns, "rows": [[plain(value) for value in row] for row in zip(*lists, strict=True)]}


serve(answer)
