"""Asks DuckDB which row groups the bloom filters of a file exclude.

Standard input: JSON [[column, value], ...]. Prints JSON: for each, a list with true for every excluded row group.
"""

import json
import sys

import duckdb

path = sys.argv[1]
result = []
for column, value in json.load(sys.stdin):
    rows = duckdb.execute("SELECT row_group_id, bloom_filter_excludes FROM parquet_bloom_probe(?, ?, ?)", [path, column, value]).fetchall()
    result.append([excluded for _, excluded in sorted(rows)])
json.dump(result, sys.stdout)
