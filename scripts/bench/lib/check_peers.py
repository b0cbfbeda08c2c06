"""Reads what the engines wrote and compares it with ours, column by column and row by row; exit 1 where anything
differs that is not declared here. The declarations are what docs/benchmarks.md says that an engine leaves out.

  check_peers.py --source opa --records 1000 ours=FOLDER duckdb=FOLDER ...

prints one JSON object: engine -> list of differences.
"""

import argparse
import json
import sys

import duckdb
from job import SOURCES, table_of

# same value: the JSON texts are equal once spaces between tokens are gone. structure: the document is a struct.
# missing: all null. empty: [] where ours is null.
DECLARED = {
    "duckdb": {},
    "polars": {"json": "same value", "map": "structure"},
    "pyarrow": {"json": "structure", "undeclared json": "missing"},
    "chdb": {"list": "empty"},
}


def declared(engine: str, table, column: str) -> str | None:
    exceptions, kind = DECLARED.get(engine, {}), table.fields.get(column, "")
    if kind == "json" and not table.inside(column):
        return exceptions.get("undeclared json", exceptions.get("json"))
    return exceptions.get("json" if kind == "json" else kind.split("<")[0])


def comparable(table, column: str, how: str | None, theirs: bool) -> str:
    kind, value = table.fields.get(column, ""), f'"{column}"'
    if column == "source_uri":
        return f"regexp_replace({value}, '^file://', '')"
    if column.endswith("_time") and column not in table.fields:
        return f"CAST({value} AS TIMESTAMP)"
    if how == "missing":
        return f"({value} IS NULL)" if theirs else "true"
    if how == "empty":
        return f"coalesce({value}, [])::VARCHAR"
    if kind == "json":
        return (
            f"CAST(to_json({value}) AS VARCHAR)"
            if how == "structure" and theirs
            else (f"CAST(json({value}) AS VARCHAR)" if how in ("same value", "structure") else value)
        )
    if kind.startswith("map"):
        return f"CAST(to_json({value}) AS VARCHAR)"
    return value


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", choices=SOURCES, required=True)
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("outputs", nargs="+")
    arguments = parser.parse_args()
    table = table_of(arguments.source)
    outputs = dict(output.split("=", 1) for output in arguments.outputs)
    key = "decision_id" if arguments.source == "opa" else "request_id || request_time || statement_type"
    db = duckdb.connect(config={"threads": 2})
    db.execute("SET TimeZone = 'UTC'")

    def columns_of(folder: str) -> set[str]:
        return {row[0] for row in db.execute(f"DESCRIBE FROM {read(folder)}").fetchall()}

    def read(folder: str) -> str:
        return f"read_parquet('{folder}/**/*.parquet', hive_partitioning = true, hive_types = {{ymd: VARCHAR}})"

    def sums(folder: str, names: list[str], engine: str, theirs: bool) -> dict[str, object]:
        each = ", ".join(
            f'bit_xor(hash({key}, {comparable(table, name, declared(engine, table, name), theirs)})) AS "{name}"'
            for name in names
        )
        result = db.execute(f'SELECT count(*) AS "number of rows", {each} FROM {read(folder)}')
        return dict(zip([column[0] for column in result.description], result.fetchone()))

    ours = outputs.pop("ours")
    rows = db.execute(f"SELECT count(*) FROM {read(ours)}").fetchone()[0]
    differences = {} if rows == arguments.records else {"ours": [f"number of rows: {rows}"]}
    for engine, folder in outputs.items():
        there = columns_of(folder)
        lacking = [f"{name} is not there" for name in table.columns if name not in there]
        names = [name for name in table.columns if name in there]
        expected, found = sums(ours, names, engine, False), sums(folder, names, engine, True)
        expected["number of rows"] = arguments.records
        differences[engine] = lacking + [name for name in expected if expected[name] != found[name]]
    print(json.dumps(differences))
    sys.exit(1 if any(differences.values()) else 0)


main()
