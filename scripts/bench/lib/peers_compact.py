"""Our compaction and its peers on the same files in turns: what `scripts/bench/peers --job compact` runs.

`backfill` writes the files once; each run of ours works on a copy of that warehouse. At the end all outputs are compared:
the same rows with the same values, in the order of event_time.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import peers
from peers import Failed

LIB = Path(__file__).resolve().parent
ENGINES = ("ours", "duckdb", "polars", "pyarrow")
TABLE = "opa_decisions"
MOST_RSS = 600_000_000

# Peak memory has a bound of its own.
peers.FIGURES |= {
    "wall": ("wall s", 2, 0.9),
    "cpu": ("CPU s", 2, 0.8),
    "rss": ("peak RSS MB", 0, 1.0),
    "output": ("output MB", 2, 1.0),
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench/peers --job compact",
        description="Our compaction against other engines that read, sort and write the same files.",
        epilog="Give it a machine that does nothing else.",
    )
    parser.add_argument("--job", choices=["compact"], help=argparse.SUPPRESS)
    parser.add_argument("--records", type=int, default=1_000_000, help="decisions on three days (default: 1000000)")
    peers.add_common_options(parser, ENGINES)
    given = peers.parsed(parser, ENGINES)
    if given.quick:
        given.records, given.runs = 100_000, 1
    return given


def config_of(folder: Path, warehouse: Path, source: Path, threads: int) -> Path:
    return peers.write_config(folder / f"{warehouse.name}.yaml", warehouse, "opa", source, threads)


def run(engine: str, options: argparse.Namespace, warehouse: Path, backup: Path, work: Path, source: Path) -> dict:
    output = work / engine
    shutil.rmtree(output, ignore_errors=True)
    if engine == "ours":
        # Metadata names its files by their absolute paths, so the copy is what is kept.
        shutil.rmtree(warehouse, ignore_errors=True)
        shutil.copytree(backup, warehouse)
        line = peers.ours(config_of(work, warehouse, source, options.threads), "compact", "--table", TABLE)
    else:
        folders = ["--input", str(backup / TABLE / "data"), "--output", str(output)]
        line = [options.python, str(LIB / "peer_compact.py"), engine, *folders, "--threads", str(options.threads)]
    return peers.measured(engine, line) | peers.written(written(engine, warehouse, work))


def written(engine: str, warehouse: Path, work: Path):
    if engine == "ours":
        return (warehouse / TABLE / "data").rglob("compacted-*.parquet")
    return (work / engine).rglob("*.parquet")


def check(options: argparse.Namespace, warehouse: Path, work: Path) -> bool:
    """Whether all outputs hold the same rows, sorted."""
    outputs = {name: sorted(str(path) for path in written(name, warehouse, work)) for name in options.engines}
    line = [options.python, str(LIB / "check_compact.py"), str(options.records), json.dumps(outputs)]
    done = subprocess.run(line, stdout=subprocess.PIPE, text=True)
    for difference in done.stdout.splitlines():
        print(f"peers: {difference}", file=sys.stderr)
    return done.returncode == 0


def main() -> int:
    options = arguments()
    script = str(LIB / "peer_compact.py")
    others = [name for name in options.engines if name != "ours"]
    about = peers.introduced(options, {name: peers.said(options.python, script, name, "--version") for name in others})
    with tempfile.TemporaryDirectory(prefix="audit-warehouse-peers-", dir=options.data) as temporary:
        work = Path(temporary)
        source = peers.generated(options.data or work, options.records, "opa", False)
        warehouse = work / "warehouse"
        filled = subprocess.run(
            peers.ours(config_of(work, warehouse, source, 2), "backfill", "--no-progress"), stdout=subprocess.PIPE
        )
        if filled.returncode != 0:
            raise Failed("backfill failed")
        backup = work / "backup"
        warehouse.rename(backup)
        size = peers.read_once(backup / TABLE / "data")
        count = len(list((backup / TABLE / "data").rglob("*.parquet")))
        print(f"\n{options.records:,} decisions in {count} files, {size / 1e6:,.0f} MB, {options.runs} runs of each\n")
        runs, load = peers.in_turns(options, lambda name: run(name, options, warehouse, backup, work, source))
        goals = peers.report(runs)
        same = check(options, warehouse, work)
        print(f"\nThe same rows, sorted, in every output: {'yes' if same else 'NO'}")
        if "ours" in runs:
            most = max(run_["rss"] for run_ in runs["ours"])
            reached = "reached" if most <= MOST_RSS else "not reached"
            print(f"Peak RSS of ours: {most / 1e6:.0f} MB (goal: at most {MOST_RSS / 1e6:.0f}, {reached})")
        print(f"Load of the machine before and after: {load[0]:.1f}, {load[1]:.1f}")
        if options.json:
            result = about | {"records": options.records, "bytes": size, "runs": runs, "goals": goals, "same": same}
            options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0 if same else 1


try:
    sys.exit(main())
except Failed as failure:
    sys.exit(f"peers: {failure}")
