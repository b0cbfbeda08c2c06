"""Makes, fills and reads an Iceberg table through Athena's API; prints what was read, and the bytes scanned for it, as JSON.
Arguments: bucket, database."""
import json
import sys
import time

import boto3

bucket, database = sys.argv[1:]
athena = boto3.client("athena")
boto3.client("glue").create_database(DatabaseInput={"Name": database})


def run(sql, fail=False):
    query = athena.start_query_execution(
        QueryString=sql,
        QueryExecutionContext={"Database": database},
        ResultConfiguration={"OutputLocation": f"s3://{bucket}/results/r.csv"},
    )["QueryExecutionId"]
    while True:
        execution = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        state = execution["Status"]["State"]
        if state not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.1)
    if fail:
        return execution["Status"]["StateChangeReason"]
    assert state == "SUCCEEDED", execution["Status"]
    rows = athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
    return [[cell.get("VarCharValue") for cell in row["Data"]] for row in rows][1:], execution["Statistics"]


table = f"iceberg.{database}.t"
run(f"CREATE TABLE {table} (id varchar, ymd varchar) WITH (partitioning = ARRAY['ymd'], location = 's3://{bucket}/t')")
run(f"INSERT INTO {table} VALUES ('a', '2023-07-11'), ('b', '2023-07-12'), (NULL, '2023-07-12')")
rows, statistics = run("SELECT id FROM t WHERE ymd = '2023-07-12' ORDER BY id")
failure = run("SELECT nothing FROM t", fail=True)
print(json.dumps({"rows": rows, "scanned": statistics["DataScannedInBytes"], "failure": failure}))
