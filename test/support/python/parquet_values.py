"""Reads each X.parquet of a folder with pyarrow and DuckDB and compares every value with X.json.

Prints JSON: {file: {engine: [differences]}}, at most five differences each. The JSON of values is that of
test/parquet/cases.ts, toJson.
"""

import datetime
import json
import pathlib
import struct
import sys

import duckdb
import pyarrow.parquet

EPOCH = datetime.datetime(1970, 1, 1)
MICROSECOND = datetime.timedelta(microseconds=1)


def to_json(value, kind):
    if value is None:
        return None
    if kind == "long":
        return str(value)
    if kind == "timestamp":
        return str((value - EPOCH) // MICROSECOND)
    if kind == "double":
        return "nan" if value != value else struct.pack(">d", value).hex()
    if isinstance(kind, str):
        return value
    if "list" in kind:
        return [to_json(item, kind["list"]) for item in value]
    return [[key, to_json(item, kind["map"]["value"])] for key, item in value]


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


def differences(path, read):
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    columns = expected["columns"]
    found = []
    try:
        for index, (column, values) in enumerate(zip(columns, read(path, columns), strict=True)):
            wanted = [row[index] for row in expected["rows"]]
            if len(values) != len(wanted):
                found.append(f"{column['name']}: {len(values)} rows, not {len(wanted)}")
                continue
            for row, (value, want) in enumerate(zip(values, wanted, strict=True)):
                got = to_json(value, column["type"])
                if got != want:
                    found.append(f"{column['name']} row {row}: {got!r:.200}, not {want!r:.200}")
                    if len(found) >= 5:
                        return found
    except Exception as error:  # noqa: BLE001 - whatever the reader throws is the finding
        found.append(f"{type(error).__name__}: {error}")
    return found


result = {}
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.parquet")):
    result[path.stem] = {"pyarrow": differences(path, with_pyarrow), "duckdb": differences(path, with_duckdb)}
json.dump(result, sys.stdout)
