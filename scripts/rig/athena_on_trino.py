"""Athena's API of moto with Trino behind it: StartQueryExecution runs the SQL there, DataScannedInBytes is Trino's
physicalInputBytes, results are paged, and written to OutputLocation as CSV. MSCK REPAIR TABLE is mapped; other HiveQL
DDL (CREATE EXTERNAL TABLE, ALTER TABLE ADD PARTITION) is not, and fails as Trino's syntax error.

Trino's URL stands in the file RIG_TRINO_URL_FILE once it is up (it may come after moto)."""
import csv
import io
import json
import os
import re
import threading
import time
import urllib.parse
import urllib.request

from moto.athena.responses import AthenaResponse
from moto.core.exceptions import JsonRESTError

runs = {}


def trino(sql, database, run):
    try:
        with open(os.environ["RIG_TRINO_URL_FILE"]) as f:
            base = f.read().strip()
    except (OSError, KeyError):
        raise RuntimeError("no Trino is running behind this Athena (scripts/rig/stack up trino)")
    headers = {
        "X-Trino-User": "athena",
        "X-Trino-Source": "athena",
        "X-Trino-Catalog": "awsdatacatalog",
        "X-Trino-Schema": database or "default",
        "X-Trino-Time-Zone": "UTC",
        # Without it, timestamps come cut to milliseconds.
        "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME",
    }

    def call(method, url, body=None):
        request = urllib.request.Request(url, data=body, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.loads(response.read() or b"{}")

    answer = call("POST", base + "/v1/statement", sql.encode())
    run["state"] = "RUNNING"
    while True:
        run["columns"] = answer.get("columns") or run["columns"]
        run["rows"] += answer.get("data") or []
        run["stats"] = answer.get("stats", {})
        if "error" in answer:
            raise RuntimeError(f'{answer["error"]["errorName"]}: {answer["error"]["message"]}')
        if "nextUri" not in answer:
            return
        if run["stop"]:
            call("DELETE", answer["nextUri"])
            run["state"] = "CANCELLED"
            return
        answer = call("GET", answer["nextUri"])


def cell(value):
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, (list, dict)) else str(value)


def write_csv(location, run):
    import boto3
    from botocore.config import Config

    url, text = urllib.parse.urlparse(location), io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow([c["name"] for c in run["columns"]])
    writer.writerows([["" if v is None else cell(v) for v in row] for row in run["rows"]])
    endpoint, style = os.environ["AWS_ENDPOINT_URL_S3"], Config(s3={"addressing_style": "path"})
    s3 = boto3.client("s3", endpoint_url=endpoint, config=style)
    s3.put_object(Bucket=url.netloc, Key=url.path.lstrip("/"), Body=text.getvalue().encode())


def execute(run):
    sql = run["query"].strip().rstrip(";")
    database = (run["context"] or {}).get("Database")
    repair = re.match(r"MSCK\s+REPAIR\s+TABLE\s+(?:([\w`\"]+)\.)?([\w`\"]+)$", sql, re.I)
    if repair:
        schema = (repair[1] or database or "default").strip('`"')
        sql = "CALL system.sync_partition_metadata('%s', '%s', 'ADD')" % (schema, repair[2].strip('`"'))
    if run["params"]:
        sql = "EXECUTE IMMEDIATE '%s' USING %s" % (sql.replace("'", "''"), ", ".join(run["params"]))
    try:
        trino(sql, database, run)
        location = (run["config"] or {}).get("OutputLocation")
        if location and run["state"] != "CANCELLED":
            write_csv(location, run)
        if run["state"] != "CANCELLED":
            run["state"] = "SUCCEEDED"
    except Exception as e:
        run["state"], run["reason"] = "FAILED", str(e)
    run["end"] = time.time()


def start(self):
    group = self._get_param("WorkGroup")
    if group and not self.athena_backend.get_work_group(group):
        return self.error("WorkGroup does not exist", 400)
    backend = self.athena_backend
    key = backend.start_query_execution(
        query=self._get_param("QueryString"),
        context=self._get_param("QueryExecutionContext"),
        config=self._get_param("ResultConfiguration"),
        workgroup=group,
        execution_parameters=self._get_param("ExecutionParameters"),
    )
    e = backend.executions[key]
    run = {"query": e.query, "context": e.context, "config": e.config, "params": e.execution_parameters}
    run |= {"state": "QUEUED", "reason": None, "columns": [], "rows": [], "stats": {}, "stop": False}
    run |= {"start": time.time(), "end": None, "group": group or "primary"}
    runs[key] = run
    threading.Thread(target=execute, args=(run,), daemon=True).start()
    return json.dumps({"QueryExecutionId": key})


def kind(run):
    word = re.match(r"[\s(]*(\w*)", run["query"])[1].upper()
    kinds = {w: "DDL" for w in ("ALTER", "CREATE", "DROP", "MSCK")}
    return (kinds | {w: "UTILITY" for w in ("DESCRIBE", "EXPLAIN", "SHOW")}).get(word, "DML")


def asked_for(self):
    run = runs.get(self._get_param("QueryExecutionId"))
    if run is None:
        raise JsonRESTError("InvalidRequestException", "QueryExecution was not found")
    return run


def describe(self):
    run = asked_for(self)
    status = {"State": run["state"], "SubmissionDateTime": run["start"]}
    if run["end"]:
        status["CompletionDateTime"] = run["end"]
    if run["reason"]:
        status["StateChangeReason"] = run["reason"]
        status["AthenaError"] = {
            "ErrorCategory": 2,
            "ErrorType": 1,
            "Retryable": False,
            "ErrorMessage": run["reason"],
        }
    stats, version = run["stats"], "Athena engine version 3"
    execution = {
        "QueryExecutionId": self._get_param("QueryExecutionId"),
        "Query": run["query"],
        "StatementType": kind(run),
        "ResultConfiguration": run["config"],
        "QueryExecutionContext": run["context"],
        "Status": status,
        "WorkGroup": run["group"],
        "EngineVersion": {"SelectedEngineVersion": version, "EffectiveEngineVersion": version},
        "Statistics": {
            "DataScannedInBytes": stats.get("physicalInputBytes", 0),
            "EngineExecutionTimeInMillis": stats.get("elapsedTimeMillis", 0),
            "QueryQueueTimeInMillis": stats.get("queuedTimeMillis", 0),
            "QueryPlanningTimeInMillis": stats.get("planningTimeMillis", 0),
            "ServiceProcessingTimeInMillis": 0,
            "TotalExecutionTimeInMillis": int(((run["end"] or time.time()) - run["start"]) * 1000),
        },
    }
    return json.dumps({"QueryExecution": execution})


def results(self):
    run = asked_for(self)
    if run["state"] != "SUCCEEDED":
        message = "Query has not yet finished. Current state: " + run["state"]
        raise JsonRESTError("InvalidRequestException", message)
    names = [[c["name"] for c in run["columns"]]] if kind(run) == "DML" else []
    rows = names + run["rows"] if run["columns"] else []
    first, size = int(self._get_param("NextToken") or 0), int(self._get_param("MaxResults") or 1000)
    info = [
        {
            "CatalogName": "hive",
            "SchemaName": "",
            "TableName": "",
            "Name": c["name"],
            "Label": c["name"],
            "Type": re.sub(r"\(.*\)", "", c["type"]),
            "Precision": 0,
            "Scale": 0,
            "Nullable": "UNKNOWN",
            "CaseSensitive": c["type"].startswith("varchar"),
        }
        for c in run["columns"]
    ]
    shown = [{"Data": [{} if v is None else {"VarCharValue": cell(v)} for v in row]} for row in rows[first : first + size]]
    answer = {"UpdateCount": 0, "ResultSet": {"Rows": shown, "ResultSetMetadata": {"ColumnInfo": info}}}
    if first + size < len(rows):
        answer["NextToken"] = str(first + size)
    return json.dumps(answer)


def stop(self):
    asked_for(self)["stop"] = True
    return json.dumps({})


def extend_athena():
    AthenaResponse.start_query_execution = start
    AthenaResponse.get_query_execution = describe
    AthenaResponse.get_query_results = results
    AthenaResponse.stop_query_execution = stop
