"""moto's server, with the gaps closed that matter to a lake (arguments as moto_server's). Beyond moto 5.2.5:

S3:     conditional writes are atomic (moto checks first and writes later, in threads), also of multipart uploads, where
        If-Match counts too.
Glue:   UpdateTable honours VersionId (ConcurrentModificationException) and SkipArchive, atomically; GetTables and
        GetPartitions page, and honour Segment and ExcludeColumnSchema; names fold to lower case; the limits of batch
        calls and the number of partition values are checked; column-statistics calls answer, with nothing.
SQS:    messages that are deleted or sent at the same time are all deleted, and all there (moto swaps the list, in threads).
Athena: StartQueryExecution really runs its SQL on Trino (athena_on_trino.py).

With RIG_OWNER, a process id, the whole stack goes down when that process is gone.
"""
import json
import os
import re
import subprocess
import sys
import threading
import time
import zlib

from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult, EmptyResult
from moto.glue.responses import GlueResponse
from moto.s3.exceptions import MissingKey, PreconditionFailed
from moto.s3.responses import S3Response
from moto.server import main
from moto.sqs.models import Queue

import athena_on_trino

lock = threading.RLock()


def extend_s3():
    respond = S3Response._key_response

    def key_response(self, request, full_url):
        if request.method not in ("PUT", "POST", "DELETE"):
            return respond(self, request, full_url)
        with lock:
            if request.method == "POST" and (wanted := self.headers.get("If-Match")):
                current = self.backend.get_object(self.bucket_name, self.parse_key_name())
                if current is None:
                    raise MissingKey
                if wanted.strip('"') != current.etag.strip('"'):
                    raise PreconditionFailed("If-Match")
            return respond(self, request, full_url)

    S3Response._key_response = key_response


def extend_sqs():
    delete = Queue.delete_message

    def delete_message(self, receipt_handle):
        with self._messages_lock:
            return delete(self, receipt_handle)

    Queue.delete_message = delete_message


def update_table(self):
    p = self.parameters
    table = self.glue_backend.get_table(p["DatabaseName"], p["TableInput"]["Name"])
    current = str(table._current_version)
    if p.get("VersionId") is not None and str(p["VersionId"]) != current:
        raise JsonRESTError("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
    table.update(p["TableInput"])
    if p.get("SkipArchive"):
        table.versions.pop(current, None)
    return EmptyResult()


def page(items, p, key, default):
    try:
        start = int(p.get("NextToken") or 0)
    except ValueError:
        raise JsonRESTError("InvalidInputException", "Invalid NextToken")
    size = int(p.get("MaxResults") or default)
    result = {key: items[start : start + size]}
    if start + size < len(items):
        result["NextToken"] = str(start + size)
    return ActionResult(result)


def get_tables(self):
    p = self.parameters
    tables = self.glue_backend.get_tables(p["DatabaseName"], p.get("Expression"))
    return page([table.as_dict() for table in tables], p, "TableList", 100)


def get_partitions(self):
    p = self.parameters
    found = self.glue_backend.get_partitions(p["DatabaseName"], p["TableName"], p.get("Expression"))
    parts = [x.as_dict() for x in found]
    if segment := p.get("Segment"):
        total, number = segment["TotalSegments"], segment["SegmentNumber"]
        parts = [x for x in parts if zlib.crc32(json.dumps(x["Values"]).encode()) % total == number]
    if p.get("ExcludeColumnSchema"):
        for x in parts:
            descriptor = x.get("StorageDescriptor", {})
            x["StorageDescriptor"] = {k: v for k, v in descriptor.items() if k != "Columns"}
    return page(parts, p, "Partitions", 1000)


def limited(key, most, call):
    """A batch call that refuses more items than Glue takes, and items with the wrong number of partition values."""

    def checked(self):
        p = self.parameters
        items = p.get(key) or []
        if len(items) > most:
            raise JsonRESTError("ValidationException", f"{key} has length {len(items)}, more than {most}")
        table = self.glue_backend.get_table(p["DatabaseName"], p["TableName"]).as_dict()
        for item in items:
            values = item.get("Values") or item.get("PartitionValueList") or []
            if len(values) != len(table.get("PartitionKeys", [])):
                message = "The number of partition keys do not match the number of partition values"
                raise JsonRESTError("InvalidInputException", message)
        return call(self)

    return checked


def folded(name, call):
    """A call under one lock (moto serves in threads), with the names it is given in lower case."""
    own_name = ("Name",) if re.search("_(table|database)s?(_|$)", name) else ()

    def wrapped(self):
        p = json.loads(self.body)
        for k in ("DatabaseName", "TableName", *own_name):
            if isinstance(p.get(k), str):
                p[k] = p[k].lower()
        for k in ("TableInput", "DatabaseInput"):
            if isinstance(p.get(k), dict) and p[k].get("Name"):
                p[k]["Name"] = p[k]["Name"].lower()
        self.body = json.dumps(p)
        with lock:
            return call(self)

    return wrapped


def extend_glue():
    g = GlueResponse
    g.update_table, g.get_tables, g.get_partitions = update_table, get_tables, get_partitions
    g.batch_create_partition = limited("PartitionInputList", 100, g.batch_create_partition)
    g.batch_update_partition = limited("Entries", 100, g.batch_update_partition)
    g.batch_delete_partition = limited("PartitionsToDelete", 25, g.batch_delete_partition)
    for kind in ("table", "partition"):
        nothing = {"ColumnStatisticsList": [], "Errors": []}
        setattr(g, f"get_column_statistics_for_{kind}", lambda self: ActionResult(nothing))
        setattr(g, f"update_column_statistics_for_{kind}", lambda self: ActionResult({"Errors": []}))
        setattr(g, f"delete_column_statistics_for_{kind}", lambda self: EmptyResult())
    for name, call in list(vars(g).items()):
        if callable(call) and not name.startswith("_") and re.search("table|partition|database", name):
            setattr(g, name, folded(name, call))


def started_at(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[19]
    except OSError:
        return None


def follow(owner):
    """Ends the stack once its owner is gone, so that a killed test run leaves nothing behind."""
    since = started_at(owner)
    while since is not None and started_at(owner) == since:
        time.sleep(1)
    subprocess.Popen([os.environ["RIG_STACK"], "down"], start_new_session=True)


if __name__ == "__main__":
    extend_s3()
    extend_sqs()
    extend_glue()
    athena_on_trino.extend_athena()
    if os.environ.get("RIG_OWNER"):
        threading.Thread(target=follow, args=(os.environ["RIG_OWNER"],), daemon=True).start()
    main(sys.argv[1:])
