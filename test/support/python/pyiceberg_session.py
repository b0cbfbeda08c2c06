"""Tables of a Glue database through PyIceberg: one request after another, see statements.py.

Argument: database. A request {"table": name, "columns": [name, ...]} (all where left out) is answered with {"columns": [...],
"rows": [[value, ...]]}, values as plain.py has them.
"""

import os
import sys

from plain import plain
from pyiceberg.catalog import load_catalog
from statements import serve

catalog = load_catalog("glue", **{
    "type": "glue",
    "glue.endpoint": os.environ["AWS_ENDPOINT_URL_GLUE"],
    "glue.region": os.environ["AWS_REGION"],
    "s3.endpoint": os.environ["AWS_ENDPOINT_URL_S3"],
    "s3.region": os.environ["AWS_REGION"],
})


def answer(request):
    table = catalog.load_table((sys.argv[1], request["table"]))
    columns = request.get("columns") or [field.name for field in table.schema().fields]
    arrow = table.scan(selected_fields=tuple(columns)).to_arrow()
    lists = [arrow.column(name).to_pylist() for name in columns]
    return {"columns": columns, "rows": [[plain(value) for value in row] for row in zip(*lists, strict=True)]}


serve(answer)
