"""Runs statements in a file of DuckDB, each from a file or as text; the rows of the last one as JSON. Arguments: the file, then @FILE or SQL."""
import json
import sys

import duckdb

path, *statements = sys.argv[1:]
con = duckdb.connect(path)
for statement in statements:
    rows = con.execute(open(statement[1:]).read() if statement.startswith("@") else statement).fetchall()
print(json.dumps(rows, default=str))
