"""Appends rows to a table of the Glue catalog with PyIceberg: arguments database, table; the rows (id, ymd) on standard input as JSON."""
import json, os, sys
import pyarrow as pa
from pyiceberg.catalog import load_catalog

database, name = sys.argv[1:3]
catalog = load_catalog("glue", **{
    "type": "glue",
    "glue.endpoint": os.environ["AWS_ENDPOINT_URL_GLUE"],
    "glue.region": os.environ["AWS_REGION"],
    "s3.endpoint": os.environ["AWS_ENDPOINT_URL_S3"],
    "s3.region": os.environ["AWS_REGION"],
})
table = catalog.load_table(f"{database}.{name}")
schema = table.schema().as_arrow()
rows = [{"roles": None, "metrics": None, **row} for row in json.load(sys.stdin)]
table.append(pa.Table.from_pylist(rows, schema=schema))
