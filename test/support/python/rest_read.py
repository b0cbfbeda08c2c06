"""Reads tables of a REST catalog with PyIceberg: arguments URI, namespace, tables; prints rows by table as JSON."""
import json, sys
from pyiceberg.catalog import load_catalog

uri, namespace, *names = sys.argv[1:]
catalog = load_catalog("rest", type="rest", uri=uri)
tables = {name: catalog.load_table(f"{namespace}.{name}").scan().to_arrow() for name in names}
print(json.dumps({
    "tables": sorted(name for *_, name in catalog.list_tables(namespace)),
    "rows": {name: json.loads(json.dumps(table.to_pylist(), default=str)) for name, table in tables.items()},
}))
