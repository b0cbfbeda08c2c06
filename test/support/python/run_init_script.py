"""Runs an init script of DuckDB twice in one database, then a statement: its rows as JSON. Arguments: the script, the statement."""
import json
import sys

import duckdb

script, statement = sys.argv[1:]
con = duckdb.connect()
for _ in range(2):
    con.execute(open(script).read())
print(json.dumps(con.execute(statement).fetchall(), default=str))
