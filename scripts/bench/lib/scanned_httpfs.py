"""
What DuckDB with httpfs fetches for a statement over data files in S3, counted by its own HTTP log: prints bytes and requests as JSON. Argument:
a JSON document with endpoint, region, prelude, tables (files by name), sql and parameters. Needs duckdb and duckdb-extension-httpfs (PyPI).
"""

import json
import sys
from pathlib import Path

import duckdb
import duckdb_extension_httpfs

given = json.loads(sys.argv[1])
connection = duckdb.connect()
folder = Path(duckdb_extension_httpfs.__path__[0])
connection.load_extension(str(next(folder.rglob("httpfs.duckdb_extension"))))
connection.execute(f"""
    CREATE SECRET (TYPE s3, KEY_ID 'bench', SECRET 'bench', REGION '{given["region"]}', URL_STYLE 'path', USE_SSL false,
      ENDPOINT '{given["endpoint"].removeprefix("http://")}')""")
connection.execute(given["prelude"])
for table, files in given["tables"].items():
    connection.execute(f'CREATE VIEW "{table}" AS SELECT * FROM read_parquet({files!r}, hive_partitioning = false)')
connection.execute("CALL enable_logging('HTTP')")
parameters = {
    name: duckdb.execute("SELECT make_timestamp(?)", [value["micros"]]).fetchone()[0] if isinstance(value, dict) else value
    for name, value in given["parameters"].items()
}
connection.execute(given["sql"], parameters or None).fetchall()
read, requests = 0, 0
for kind, headers in connection.execute("SELECT request.type, response.headers FROM duckdb_logs_parsed('HTTP')").fetchall():
    requests += 1
    if kind == "GET":
        lengths = {name.lower(): value for name, value in (headers or {}).items()}
        read += int(lengths.get("content-length", 0))
print(json.dumps({"bytes": read, "requests": requests}))
