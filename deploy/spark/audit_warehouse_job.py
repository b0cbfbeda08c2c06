"""A backfill or a compaction on Spark: plans, has the units staged by the executors, and commits while they come in.

    spark-submit --master yarn --conf spark.speculation=true deploy/spark/audit_warehouse_job.py \\
        --config audit-warehouse.yaml -- --name history --from 2024-01-01
    spark-submit … deploy/spark/audit_warehouse_job.py --config audit-warehouse.yaml -- --compact --table opa_decisions

What stands after `--` goes to `audit-warehouse job plan`. The driver and every executor need the program: `--command` says
how it is run there (default: audit-warehouse), and their roles need the rights that docs/jobs.md names. The configuration
is sent to the executors, so the places in it have to be absolute.

Spark decides nothing about rows. A task hands its units to `job stage`, and whether it is repeated, run twice by
speculation, or left half done by an executor that was killed makes no difference: the intent that was put first stands.
If the driver dies, run the same again, or `audit-warehouse job commit`. docs/jobs.md has the formats.

Prints one JSON document: units, their states, what was committed, and the receipts of units that failed.
Exit codes: 0 done; 1 units failed, or the plan or a commit did; 2 usage.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import threading
import time

from pyspark import AccumulatorParam, SparkConf, SparkContext, SparkFiles

# `failed` may do better elsewhere; everything else is as done as it will be.
RETRIED = "failed"
FAILED = (RETRIED, "given-back")


class Receipts(AccumulatorParam):
    """Of tasks that have ended well; those of a task that ran twice count once."""

    def zero(self, value):
        return []

    def addInPlace(self, value, more):
        value.extend(more)
        return value


def main():
    options = parse_arguments()
    context = SparkContext.getOrCreate(SparkConf().setIfMissing("spark.app.name", "audit-warehouse"))
    context.setLogLevel("WARN")
    context.addFile(os.path.abspath(options.config))
    call = Call(
        command=shlex.split(options.command),
        config=os.path.basename(options.config),
        threads=context.getConf().get("spark.task.cpus", "1"),
    )
    central = [*call.command, "--config", options.config, "job"]
    units = output_of([*central, "plan", *options.plan]).splitlines()
    note(f"{len(units)} units")
    report = {"units": len(units), "states": {}, "commits": 0, "committed": {}, "failed": []}
    try:
        for attempt in range(1, options.tries + 1):
            receipts = stage_all(context, units, call, options, lambda: commit(central, report))
            failed = [receipt for receipt in receipts if receipt["state"] == RETRIED]
            final = receipts if attempt == options.tries else [one for one in receipts if one["state"] != RETRIED]
            for receipt in final:
                report["states"][receipt["state"]] = report["states"].get(receipt["state"], 0) + 1
                if receipt["state"] in FAILED:
                    report["failed"].append(receipt)
            if not failed or attempt == options.tries:
                break
            note(f"{len(failed)} units failed and are staged again, such as {json.dumps(failed[0])}")
            again = {receipt["unit"] for receipt in failed}
            units = [unit for unit in units if json.loads(unit)["unit"] in again]
    finally:
        # What is staged is committed, whatever became of the rest.
        commit(central, report)
        context.stop()
    print(json.dumps(report))
    return 1 if report["failed"] else 0


def stage_all(context, units, call, options, commit_staged):
    """One job of Spark; commits whenever `--commit-every` has passed and receipts have come in since. Gives the receipts."""
    if not units:
        return []
    receipts = context.accumulator([], Receipts())
    tasks = context.parallelize(units, -(-len(units) // options.units_per_task))
    ended = threading.Event()
    errors = []

    def run():
        try:
            # An accumulator in an action counts each task once, however often it ran.
            tasks.foreachPartition(lambda some: receipts.add(stage(call, some)))
        except Exception as error:  # noqa: BLE001
            errors.append(error)
        finally:
            ended.set()

    threading.Thread(target=run, daemon=True).start()
    seen = 0
    while not ended.wait(options.commit_every):
        if len(receipts.value) > seen:
            seen = len(receipts.value)
            note(f"{seen} of {len(units)} units are done")
            commit_staged()
    if errors:
        raise errors[0]
    return receipts.value


class Call:
    """How an executor runs the program; goes there with the task."""

    def __init__(self, command, config, threads):
        self.command = command
        self.config = config
        self.threads = threads


def stage(call, units):
    """On an executor. A unit that fails is told by its receipt; what ends without a receipt for each unit fails the task."""
    lines = list(units)
    if not lines:
        return []
    environment = {"AUDIT_WAREHOUSE_BATCH_THREADS": call.threads, **os.environ}
    command = [*call.command, "--config", SparkFiles.get(call.config), "job", "stage"]
    done = subprocess.run(command, input="\n".join(lines), stdout=subprocess.PIPE, text=True, env=environment)
    receipts = [json.loads(line) for line in done.stdout.splitlines()]
    if len(receipts) < len(lines):
        raise RuntimeError(f"job stage ended with {done.returncode} and {len(receipts)} receipts for {len(lines)} units")
    return receipts


def commit(central, report):
    """Exit code 1 with a report says that objects could not be read, which their receipts say too."""
    done = subprocess.run([*central, "commit"], stdout=subprocess.PIPE, text=True)
    if not done.stdout:
        raise RuntimeError(f"job commit ended with {done.returncode}")
    committed = json.loads(done.stdout)
    report["commits"] += 1
    add(report["committed"], {name: committed[name] for name in ("units", "objects", "counts", "compactions")})
    report["committed"]["units"]["open"] = committed["units"]["open"]


def add(total, more):
    for name, value in more.items():
        if isinstance(value, dict):
            add(total.setdefault(name, {}), value)
        else:
            total[name] = total.get(name, 0) + value


def output_of(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)} ended with {done.returncode}")
    return done.stdout


def note(text):
    print(time.strftime("%H:%M:%S", time.gmtime()), text, file=sys.stderr, flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description="A backfill or a compaction of audit-warehouse on Spark.")
    parser.add_argument("--config", default="audit-warehouse.yaml", help="configuration; sent to the executors")
    parser.add_argument("--command", default="audit-warehouse", help="how the program is run, on the driver and on executors")
    parser.add_argument("--commit-every", type=float, default=60, metavar="SECONDS", help="default: 60")
    parser.add_argument("--units-per-task", type=int, default=1, metavar="N", help="for small units; default: 1")
    parser.add_argument("--tries", type=int, default=3, metavar="N", help="of a unit that fails; default: 3")
    parser.add_argument("plan", nargs=argparse.REMAINDER, help="after --: options of audit-warehouse job plan")
    options = parser.parse_args()
    if options.units_per_task < 1 or options.tries < 1 or options.commit_every <= 0:
        parser.error("--commit-every, --units-per-task and --tries take numbers above 0")
    options.plan = options.plan[1:] if options.plan[:1] == ["--"] else options.plan
    if "--manifest" in options.plan:
        parser.error("the units go from the driver to the executors: leave --manifest out")
    return options


if __name__ == "__main__":
    sys.exit(main())
