"""A nightly backfill and compaction past one machine, as an example: plan, stage on many workers, commit (docs/jobs.md).

For Airflow 3. The program and its configuration (AUDIT_WAREHOUSE_CONFIG) are on the workers, and the manifest is where all of
them can read it. With KubernetesPodOperator in the place of BashOperator the same commands run in the image of deploy/Dockerfile.

A task that is retried, or that a lost worker had half done, is staged once: the intent that was put first stands.
"""

import json
from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import dag, task

MANIFESTS = "s3://acme-jobs"
# Airflow maps a task up to max_map_length (1,024) times; each of them takes a run of units.
SLICES = 500
AT_ONCE = 20

STAGE = """
failed=0
for unit in $(seq "$FIRST" "$LAST"); do
  audit-warehouse job stage --manifest "$MANIFEST" --unit "$unit" || failed=1
done
exit $failed
"""


@task
def slices(plan: str, manifest: str) -> list[dict[str, str]]:
    """The units of a plan, as its report counts them, in runs: the environment of each task."""
    units = json.loads(plan)["units"]
    size = max(1, -(-units // SLICES))
    return [
        {"MANIFEST": manifest, "FIRST": str(first), "LAST": str(min(first + size, units) - 1)}
        for first in range(0, units, size)
    ]


def job(name: str, plan_options: str, run_after=None):
    """Three steps and what they came to. Gives the first and the last task."""
    manifest = f"{MANIFESTS}/{{{{ dag_run.run_id }}}}/{name}.jsonl"
    # Its report, which is one line of JSON, becomes the result of the task.
    plan = BashOperator(
        task_id=f"plan_{name}",
        bash_command=f"audit-warehouse job plan --manifest '{manifest}' {plan_options}",
        retries=3,
    )
    stage = BashOperator.partial(
        task_id=f"stage_{name}",
        bash_command=STAGE,
        append_env=True,
        retries=3,
        retry_delay=timedelta(minutes=1),
        max_active_tis_per_dagrun=AT_ONCE,
    ).expand(env=slices.override(task_id=f"slices_{name}")(plan.output, manifest))
    # Also where some of them failed: what is staged is committed.
    commit = BashOperator(
        task_id=f"commit_{name}", bash_command="audit-warehouse job commit", retries=3, trigger_rule="all_done"
    )
    done = EmptyOperator(task_id=f"done_{name}", trigger_rule="none_failed")
    stage >> commit >> done
    stage >> done
    if run_after is not None:
        run_after >> plan
    return commit


@dag(schedule="30 2 * * *", start_date=datetime(2026, 1, 1), catchup=False, max_active_runs=1, tags=["audit"])
def audit_warehouse():
    backfilled = job("backfill", "--name airflow")
    job("compaction", "--compact --to yesterday", run_after=backfilled)


audit_warehouse()
