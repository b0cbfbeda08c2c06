"""Waits until Trino really reads a Glue table from S3. After it says that it has started, a scan can fail with
NO_NODES_AVAILABLE for some seconds (the node list is refreshed every 5 s, and the first may lack the catalog), though
SELECT 1 and metadata queries work."""
import json
import os
import sys
import time
import urllib.request

import boto3
from botocore.config import Config

name = "rig-ready"
database = "rig_ready"
trino, catalog = os.environ["TRINO_URL"], os.environ["TRINO_CATALOG"]
s3 = boto3.client("s3", config=Config(s3={"addressing_style": "path"}))
glue = boto3.client("glue")


def call(method, url, body=None):
    request = urllib.request.Request(url, data=body, method=method, headers={"X-Trino-User": "ready"})
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.loads(response.read())


def scan():
    answer = call("POST", trino + "/v1/statement", f"SELECT a FROM {catalog}.{database}.t".encode())
    rows = []
    while True:
        rows += answer.get("data") or []
        if "error" in answer:
            return answer["error"]["errorName"] + ": " + answer["error"]["message"]
        if "nextUri" not in answer:
            return rows
        answer = call("GET", answer["nextUri"])


s3.create_bucket(Bucket=name)
s3.put_object(Bucket=name, Key="t/x.json", Body=b'{"a":"1"}\n')
glue.create_database(DatabaseInput={"Name": database})
storage = {
    "Columns": [{"Name": "a", "Type": "string"}],
    "Location": f"s3://{name}/t/",
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
}
glue.create_table(
    DatabaseName=database, TableInput={"Name": "t", "TableType": "EXTERNAL_TABLE", "StorageDescriptor": storage}
)
try:
    end = time.time() + 60
    while (seen := scan()) != [["1"]]:
        if time.time() > end:
            sys.exit(f"Trino is not ready: {seen}")
        time.sleep(0.3)
finally:
    glue.delete_table(DatabaseName=database, Name="t")
    glue.delete_database(Name=database)
    s3.delete_object(Bucket=name, Key="t/x.json")
    s3.delete_bucket(Bucket=name)
