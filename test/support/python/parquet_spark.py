"""Reads Parquet files with Spark, that is with parquet-java: one session for all of it.

Argument: a folder. Each X.parquet of it is compared with X.json, see parquet_expected.py.
Standard input: JSON [{file, columns: [{name, type}], where, options, vectorized}, ...], queries of single files.
Prints JSON {values: {file: {reader: [differences]}}, answers: [{rows, scanned}, ...]}. `scanned` is the number of rows
that the reader handed on after it had left out row groups and pages, before the filter itself.

Java is started here and not by spark-submit: that starts another Java and several shells first, and asks for a module
(jdk.incubator.vector) that small Javas lack and nothing here needs.
"""

import collections
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import pyspark
from parquet_expected import differences, to_json
from pyspark.serializers import UTF8Deserializer, read_int
from pyspark.sql import SparkSession

JAVA_OPTIONS = [
    "-Xmx768m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+IgnoreUnrecognizedVMOptions",
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
]
# What Spark opens in its own JavaModuleOptions.
OPENED = [
    *("java.io", "java.lang", "java.lang.invoke", "java.lang.reflect", "java.net", "java.nio", "java.util"),
    *("java.util.concurrent", "java.util.concurrent.atomic", "jdk.internal.ref", "sun.nio.ch", "sun.nio.cs", "sun.util.calendar"),
]
SETTINGS = {
    "spark.master": "local[1]",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    # Files as they are, in the order of their rows, and plans that still stand after they have run.
    "spark.sql.files.minPartitionNum": "1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.session.timeZone": "UTC",
}
READERS = {"vectorized": True, "by row": False}


def start_spark(folder):
    """The Java ends with this process, as its standard input does."""
    connection = pathlib.Path(folder, "connection")
    jars = pathlib.Path(pyspark.__file__).parent / "jars" / "*"
    command = [os.path.join(os.environ["JAVA_HOME"], "bin", "java"), *JAVA_OPTIONS]
    command += [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
    command += [f"-Djava.io.tmpdir={folder}", f"-Dderby.system.home={folder}"]
    command += ["-cp", str(jars), "org.apache.spark.deploy.SparkSubmit"]
    for name, value in SETTINGS.items():
        command += ["--conf", f"{name}={value}"]
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": folder, "_PYSPARK_DRIVER_CONN_INFO_PATH": str(connection)}
    java = subprocess.Popen([*command, "pyspark-shell"], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=sys.stderr)
    while not connection.exists():
        if java.poll() is not None:
            sys.exit(f"Spark did not start: Java ended with {java.returncode}")
        time.sleep(0.05)
    with connection.open("rb") as info:
        os.environ["PYSPARK_GATEWAY_PORT"] = str(read_int(info))
        os.environ["PYSPARK_GATEWAY_SECRET"] = UTF8Deserializer().loads(info)
    return SparkSession.builder.getOrCreate(), java


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
    spark, java = start_spark(folder)
    readers = {name: Reader(spark, vectorized) for name, vectorized in READERS.items()}
    values = compare(sorted(pathlib.Path(sys.argv[1]).glob("*.parquet")), readers)
    answers = [readers["vectorized" if query["vectorized"] else "by row"].answer(query) for query in json.load(sys.stdin)]
    json.dump({"values": values, "answers": answers}, sys.stdout)
    # Objects that Python frees later must not look for their Java.
    gateway = spark.sparkContext._gateway
    spark.stop()
    gateway.shutdown()
    java.stdin.close()
    java.wait()
