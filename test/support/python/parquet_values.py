"""Reads each X.parquet of a folder with pyarrow and DuckDB and compares every value with X.json.

Prints JSON: {file: {engine: [differences]}}, see parquet_expected.py.
"""

import json
import pathlib
import sys

import duckdb
import pyarrow.parquet
from parquet_expected import differences


def with_pyarrow(path, columns):
    table = pyarrow.parquet.read_table(path)
    assert table.column_names == [column["name"] for column in columns], table.column_names
    return [table.column(column["name"]).to_pylist() for column in columns]


def with_duckdb(path, columns):
    def select(column):
        name = '"' + column["name"] + '"'
        return name if isinstance(column["type"], str) or "list" in column["type"] else f"map_entries({name})"

    names = ", ".join(select(column) for column in columns)
    rows = duckdb.sql(f"SELECT {names} FROM read_parquet('{path}')").fetchall()
    result = []
    for index, column in enumerate(columns):
        values = [row[index] for row in rows]
        if not isinstance(column["type"], str) and "map" in column["type"]:
            values = [None if v is None else [(e["key"], e["value"]) for e in v] for v in values]
        result.append(values)
    return result


result = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.parquet")):
    result[path.stem] = {"pyarrow": differences(path, with_pyarrow), "duckdb": differences(path, with_duckdb)}
json.dump(result, sys.stdout)
