"""Reads Parquet files with Spark, that is with parquet-java: one session for all of it.

Argument: a folder. Each X.parquet of it is compared with X.json, see parquet_expected.py.
Standard input: JSON [{file, columns: [{name, type}], where, options, vectorized}, ...], queries of single files.
Prints JSON {values: {file: {reader: [differences]}}, answers: [{rows, scanned}, ...]}. `scanned` is the number of rows
that the reader handed on after it had left out row groups and pages, before the filter itself.
"""

import collections
import functools
import json
import pathlib
import sys
import tempfile

from parquet_expected import differences, to_json
from spark_session import start_spark, stop_spark

SETTINGS = {
    # Files as they are, in the order of their rows, and plans that still stand after they have run.
    "spark.sql.files.minPartitionNum": "1",
    "spark.sql.adaptive.enabled": "false",
}
READERS = {"vectorized": True, "by row": False}


def select(columns):
    """Maps as lists of entries: Python's own would lose their order and repeated keys."""

    def one(column):
        name = "`" + column["name"] + "`"
        return name if isinstance(column["type"], str) or "list" in column["type"] else f"map_entries({name})"

    return [one(column) for column in columns]


def scan_of(frame, vectorized):
    """The node of the plan that reads the file."""
    scan = frame._jdf.queryExecution().executedPlan().collectLeaves().head()
    assert scan.supportsColumnar() == vectorized, scan.toString()
    return scan


class Reader:
    """Reads files in one way. What has the same columns is read together, since most of the time goes into planning."""

    def __init__(self, spark, vectorized):
        self.spark = spark
        self.vectorized = vectorized

    def rows(self, frame):
        self.spark.conf.set("spark.sql.parquet.enableVectorizedReader", str(self.vectorized).lower())
        return frame.collect()

    @functools.cache
    def together(self, paths, columns):
        """Rows by file name, in the order of the file."""
        columns = json.loads(columns)
        files = self.spark.read.parquet(*paths)
        assert files.columns == [column["name"] for column in columns], files.columns
        frame = files.selectExpr("_metadata.file_name", *select(columns))
        result = collections.defaultdict(list)
        for name, *row in self.rows(frame):
            result[name].append(row)
        scan_of(frame, self.vectorized)
        return result

    def answer(self, query):
        file = self.spark.read.options(**query["options"]).parquet(query["file"])
        frame = file.where(query["where"]).selectExpr(*select(query["columns"]))
        rows = self.rows(frame)
        scanned = scan_of(frame, self.vectorized).metrics().apply("numOutputRows").value()
        kinds = [column["type"] for column in query["columns"]]
        values = [[to_json(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in rows]
        return {"rows": values, "scanned": scanned}


def compare(paths, readers):
    alike = collections.defaultdict(list)
    for path in paths:
        alike[json.dumps(json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["columns"])].append(str(path))

    def differences_by(reader, path):
        def read(path, columns):
            key = json.dumps(columns)
            rows = reader.together(tuple(alike[key]), key)[path.name]
            return [[row[index] for row in rows] for index in range(len(columns))]

        return differences(path, read)

    return {path.stem: {name: differences_by(reader, path) for name, reader in readers.items()} for path in paths}


with tempfile.TemporaryDirectory(prefix="spark-") as folder:
    spark, java = start_spark(folder, SETTINGS)
    readers = {name: Reader(spark, vectorized) for name, vectorized in READERS.items()}
    values = compare(sorted(pathlib.Path(sys.argv[1]).glob("*.parquet")), readers)
    answers = [readers["vectorized" if query["vectorized"] else "by row"].answer(query) for query in json.load(sys.stdin)]
    json.dump({"values": values, "answers": answers}, sys.stdout)
    stop_spark(spark, java)
