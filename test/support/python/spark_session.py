"""Starts Spark, for the scripts that have a session of it.

Java is started here and not by spark-submit: that starts another Java and several shells first, and asks for a module
(jdk.incubator.vector) that small Javas lack and nothing here needs.
"""

import os
import pathlib
import subprocess
import sys
import time

import pyspark
from pyspark.serializers import UTF8Deserializer, read_int
from pyspark.sql import SparkSession

JAVA_OPTIONS = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+IgnoreUnrecognizedVMOptions"]
# Of the Java that Spark 4 runs on; older ones do not know them.
NEWER_OPTIONS = ["--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"]
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
    "spark.log.level": "OFF",
    "spark.sql.session.timeZone": "UTC",
}


def start_spark(folder, settings, memory="768m", jars=()):
    """The Java ends with this process, as its standard input does."""
    connection = pathlib.Path(folder, "connection")
    own = pathlib.Path(pyspark.__file__).parent / "jars" / "*"
    options = JAVA_OPTIONS + (NEWER_OPTIONS if int(pyspark.__version__.split(".")[0]) >= 4 else [])
    command = [os.path.join(os.environ["JAVA_HOME"], "bin", "java"), f"-Xmx{memory}", *options]
    command += [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in OPENED]
    command += [f"-Djava.io.tmpdir={folder}", f"-Dderby.system.home={folder}"]
    command += ["-cp", os.pathsep.join([str(own), *jars]), "org.apache.spark.deploy.SparkSubmit"]
    for name, value in {**SETTINGS, **settings}.items():
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


def stop_spark(spark, java):
    # Objects that Python frees later must not look for their Java.
    gateway = spark.sparkContext._gateway
    spark.stop()
    gateway.shutdown()
    java.stdin.close()
    java.wait()
