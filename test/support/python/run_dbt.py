"""Runs commands of dbt one after another in one process, which loads it once. On stdin: a JSON list of argument lists. Prints
for each the status of every node by its name, as one line of JSON; ends with 1 and what failed where one does."""
import json
import sys

from dbt.cli.main import dbtRunner

answers = []
for arguments in json.load(sys.stdin):
    run = dbtRunner().invoke(["--log-level", "none", "--no-version-check", "--no-send-anonymous-usage-stats", *arguments])
    nodes = getattr(run.result, "results", [])
    if not run.success:
        failed = [f"{node.node.name}: {node.status} {node.message}" for node in nodes if node.status in ("error", "fail")]
        sys.exit(f"dbt {' '.join(arguments)}: {run.exception or failed}")
    answers.append({node.node.name: str(node.status) for node in nodes})
print(json.dumps(answers))
