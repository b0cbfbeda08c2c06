"""A session of Spark with Iceberg: one statement of SQL after another, see statements.py.

Argument: the properties of the catalog `lake` as JSON. A request {"sql": text} is answered with {"rows": [[value, ...]]},
values as plain.py has them; {"version": true} with {"spark": text, "iceberg": text}.
"""

import json
import os
import sys
import tempfile

import pyspark
from plain import plain
from spark_session import start_spark, stop_spark
from statements import serve

SETTINGS = {
    "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog",
    # Tables change by other hands between two statements.
    "spark.sql.catalog.lake.cache-enabled": "false",
    "spark.sql.shuffle.partitions": "1",
}


def answer(request):
    if "version" in request:
        return {"spark": pyspark.__version__, "iceberg": spark._jvm.org.apache.iceberg.IcebergBuild.version()}
    return {"rows": [plain(row) for row in spark.sql(request["sql"]).collect()]}


with tempfile.TemporaryDirectory(prefix="spark-") as folder:
    properties = {f"spark.sql.catalog.lake.{name}": value for name, value in json.loads(sys.argv[1]).items()}
    spark, java = start_spark(folder, {**SETTINGS, **properties}, jars=os.environ["ICEBERG_JARS"].split(os.pathsep))
    serve(answer)
    stop_spark(spark, java)
