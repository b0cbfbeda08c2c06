"""Reads tables of the Glue catalog through PyIceberg, and their data files with pyarrow and DuckDB.

Argument: database. Standard input: {table: {column: type in Trino's name}}. Prints
{table: {"schema": {reader: {column: type}}, "rows": {reader: [row]}, "files": {path: number of rows}, "ids": {column: field id}}}, rows as arrays in
the order of the columns asked for; pyarrow's rows have the path of their file in front. Times are text with
microseconds, integers text, maps arrays of pairs.
"""
import json
import pathlib
import sys
import tempfile
import urllib.parse

import boto3
import duckdb
import pyarrow.parquet
from plain import plain
from glue import glue_catalog

database = sys.argv[1]
wanted = json.load(sys.stdin)
catalog = glue_catalog()
s3 = boto3.client("s3")


def rows_of(arrow, columns):
    # A file that was written before a column was added lacks it.
    nulls = [None] * arrow.num_rows
    lists = [arrow.column(name).to_pylist() if name in arrow.column_names else nulls for name in columns]
    return [[plain(value) for value in row] for row in zip(*lists, strict=True)]


result = {}
with tempfile.TemporaryDirectory() as folder:
    for name, types in wanted.items():
        columns = list(types)
        table = catalog.load_table(f"{database}.{name}")
        local = {}
        for task in table.scan().plan_files():
            address = urllib.parse.urlparse(task.file.file_path)
            local[task.file.file_path] = path = str(pathlib.Path(folder, f"{name}-{len(local)}.parquet"))
            s3.download_file(address.netloc, address.path.lstrip("/"), path)
        arrow = {path: pyarrow.parquet.ParquetFile(file).read() for path, file in local.items()}
        relation = duckdb.read_parquet(list(local.values()), union_by_name=True)
        quoted = ", ".join(f'"{column}"' for column in columns)
        result[name] = {
            "schema": {
                "pyiceberg": {field.name: str(field.field_type) for field in table.schema().fields},
                "pyarrow": {field.name: str(field.type) for part in arrow.values() for field in part.schema},
                "duckdb": dict(zip(relation.columns, map(str, relation.types), strict=True)),
            },
            "rows": {
                "pyiceberg": rows_of(table.scan().to_arrow(), columns),
                "pyarrow": [[path, *row] for path, part in arrow.items() for row in rows_of(part, columns)],
                "duckdb": [[plain(value) for value in row] for row in relation.project(quoted).fetchall()],
            },
            "files": {path: part.num_rows for path, part in arrow.items()},
            "ids": {field.name: field.field_id for field in table.schema().fields},
        }
json.dump(result, sys.stdout)
