"""Appends rows to a table of the Glue catalog with PyIceberg: arguments database, table; the rows (id, ymd) on standard input as JSON."""
import json, sys
import pyarrow as pa
from glue import glue_catalog

database, name = sys.argv[1:3]
catalog = glue_catalog()
table = catalog.load_table(f"{database}.{name}")
schema = table.schema().as_arrow()
rows = [{"roles": None, "metrics": None, **row} for row in json.load(sys.stdin)]
table.append(pa.Table.from_pylist(rows, schema=schema))
