"""Runs our backfill and its peers on the same input in turns, measures every process, and prints how ours compares.

CPU time is user + system of the process and the children it waited for; peak memory is that of the largest process
(getrusage's ru_maxrss). Both, and the wall time, take in the start of the process and the listing of the input.
"""

import argparse
import atexit
import datetime
import functools
import hashlib
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from job import ROOT, SOURCES, table_of

LIB = Path(__file__).resolve().parent
ENGINES = ("ours", "duckdb", "polars", "pyarrow", "chdb")
PER_OBJECT = 2048

# figure -> (heading, unit's digits, at most this share of the best peer's)
FIGURES = {
    "wall": ("wall s", 2, 0.75),
    "cpu": ("CPU s", 2, 0.70),
    "rss": ("peak RSS MB", 0, 1 / 3),
    "output": ("output MB", 2, 1.05),
}
SHOWN = {"wall": 1, "cpu": 1, "rss": 1 << 20, "output": 1_000_000}
# What a run at this size does not grow by, over one on less input.
FLAT_MEMORY = 1.1


class Failed(Exception):
    """An engine or the generator did not do its work; the text says which and why."""


def numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench/peers",
        description="Our backfill against other engines doing the same conversion; docs/benchmarks.md tells how.",
        epilog="Give it a machine that does nothing else. 5,000,000 decisions take about 7 GB of disk.",
    )
    parser.add_argument(
        "--records",
        type=numbers,
        default=[1_000_000, 5_000_000],
        metavar="N,N",
        help="sizes, separated by commas (default: 1000000,5000000)",
    )
    parser.add_argument(
        "--job",
        choices=("backfill", "compact", "verify"),
        default="backfill",
        help="what is compared; `--job compact --help` and `--job verify --help` list their options (default: backfill)",
    )
    parser.add_argument("--source", choices=SOURCES, default="opa", help="what the records are (default: opa)")
    parser.add_argument("--gzip", action="store_true", help="compressed input")
    parser.add_argument("--per-object", type=int, default=PER_OBJECT, help=f"records an object (default: {PER_OBJECT})")
    add_common_options(parser, ENGINES)
    given = parsed(parser, ENGINES)
    if min(given.records) < 1:
        parser.error("--records start at 1")
    if given.quick:
        given.records, given.runs = [100_000], 1
    return given


def add_common_options(parser: argparse.ArgumentParser, engines: tuple[str, ...]) -> None:
    parser.add_argument("--runs", type=int, default=5, help="runs of each engine (default: 5)")
    parser.add_argument("--threads", type=int, default=2, help="threads of each engine (default: 2)")
    parser.add_argument(
        "--engines",
        type=lambda text: text.split(","),
        default=list(engines),
        metavar="NAME,NAME",
        help=f"of {','.join(engines)} (default: all)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="keep the generated input here and use it again (default: a temporary folder)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all raw figures there")
    parser.add_argument("--quick", action="store_true", help="100,000 records, one run: to try it out, not to quote")
    parser.add_argument("--python", default=sys.executable, help=argparse.SUPPRESS)


def parsed(parser: argparse.ArgumentParser, engines: tuple[str, ...]) -> argparse.Namespace:
    given = parser.parse_args()
    if unknown := [name for name in given.engines if name not in engines]:
        parser.error(f"no such engine: {', '.join(unknown)}")
    if given.runs < 1 or given.threads < 1:
        parser.error("--runs and --threads start at 1")
    return given


# ---- input


def generated(folder: Path, records: int, source: str, compressed: bool, per_object: int = PER_OBJECT) -> Path:
    """The input folder, made if it is not there. Its marker stands beside it and tells which generator made it."""
    generator = hashlib.sha256((ROOT / "scripts/generate.ts").read_bytes()).hexdigest()
    name = f"{source}-{records}{'' if per_object == PER_OBJECT else f'-{per_object}'}{'-gzip' if compressed else ''}"
    target, marker = folder / name, folder / f"{name}.json"
    if marker.exists() and json.loads(marker.read_text()).get("generator") == generator:
        return target
    print(f"peers: generating {records:,} records", file=sys.stderr)
    marker.unlink(missing_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    options = [str(target), "--records", str(records), "--source", source, "--per-object", str(per_object)]
    done = subprocess.run(
        [ROOT / "scripts/generate", *options, *(["--gzip"] if compressed else [])], stdout=subprocess.PIPE, text=True
    )
    if done.returncode != 0:
        raise Failed("the generator failed")
    marker.write_text(json.dumps(json.loads(done.stdout) | {"generator": generator}) + "\n")
    return target


def read_once(folder: Path) -> int:
    """Brings all objects into the page cache, so that no engine reads them from the disk; their size."""
    size = 0
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while block := file.read(1 << 20):
                    size += len(block)
    return size


# ---- one run


def write_config(file: Path, warehouse: Path, kind: str, source: Path, threads: int) -> Path:
    """What is not said is the default configuration."""
    sources = [{"name": "records", "type": kind, "location": str(source)}]
    # JSON is YAML.
    file.write_text(json.dumps({"warehouse": str(warehouse), "sources": sources, "batch": {"threads": threads}}))
    return file


@functools.cache
def installed() -> str:
    """The program of the package as an installation has it: made for this process, and gone with it."""
    folder = tempfile.mkdtemp(prefix="audit-warehouse-package-")
    atexit.register(shutil.rmtree, folder)
    return said(str(LIB / "package"), folder)


def ours(config: Path, *words: str) -> list[str]:
    return [installed(), *words, "--config", str(config), "--json", "--log-level", "warn"]


def command(engine: str, options: argparse.Namespace, source: Path, output: Path) -> list[str]:
    if engine == "ours":
        config = write_config(output.parent / "ours.yaml", output, options.source, source, options.threads)
        return ours(config, "backfill", "--no-progress")
    job = [
        "--source",
        options.source,
        "--input",
        str(source),
        "--output",
        str(output),
        "--threads",
        str(options.threads),
    ]
    return [options.python, str(LIB / f"peer_{engine}.py"), *job]


def data_folder(engine: str, source: str, output: Path) -> Path:
    """Where the Parquet files of the table are."""
    return output / table_of(source).name / "data" if engine == "ours" else output


def run(engine: str, options: argparse.Namespace, source: Path, work: Path) -> dict[str, float]:
    output = work / engine
    shutil.rmtree(output, ignore_errors=True)
    figures = measured(engine, command(engine, options, source, output))
    return figures | written(data_folder(engine, options.source, output).rglob("*.parquet"))


def measured(engine: str, line: list[str]) -> dict[str, float]:
    """One process to its end: wall seconds, CPU seconds, and the peak of its memory in bytes."""
    # What the run before wrote must not be written back in this one.
    os.sync()
    with tempfile.TemporaryFile() as log:
        start = time.monotonic()
        process = subprocess.Popen(line, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            log.seek(0)
            said = log.read().decode(errors="replace").strip()[-2000:]
            raise Failed(f"{engine} ended with {process.returncode}:\n{said}")
    return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "rss": usage.ru_maxrss * 1024}


def written(files: Iterable[Path]) -> dict[str, float]:
    sizes = [path.stat().st_size for path in files]
    return {"output": sum(sizes), "files": len(sizes)}


def check(options: argparse.Namespace, records: int, work: Path) -> bool | None:
    """Whether all outputs hold all records, and the same values as ours; None where ours did not run."""
    peers = [name for name in options.engines if name != "ours"]
    if "ours" not in options.engines or not peers:
        return None
    outputs = [f"{name}={data_folder(name, options.source, work / name)}" for name in ["ours", *peers]]
    line = [options.python, LIB / "check_peers.py", "--source", options.source, "--records", str(records), *outputs]
    done = subprocess.run(line, stdout=subprocess.PIPE, text=True)
    if not done.stdout:
        raise Failed("the outputs could not be compared")
    for name, columns in json.loads(done.stdout).items():
        if columns:
            print(f"peers: the output of {name} is not as expected in: {', '.join(columns)}", file=sys.stderr)
    return done.returncode == 0


# ---- what it means


def shown(figure: str, value: float) -> str:
    return f"{value / SHOWN[figure]:.{FIGURES[figure][1]}f}"


def spread(figure: str, values: list[float]) -> str:
    if figure == "output" and min(values) == max(values):
        return shown(figure, values[0])
    return " / ".join(shown(figure, value) for value in (min(values), statistics.median(values), max(values)))


def table_text(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    return "\n".join(lines)


def report(runs: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, object]]:
    """Prints one size's figures; gives, by figure, the ratio of ours to the best peer and whether it is reached."""
    medians = {
        name: {figure: statistics.median(run[figure] for run in all_) for figure in FIGURES}
        for name, all_ in runs.items()
    }
    rows = [["min / median / max", *(heading for heading, _, _ in FIGURES.values()), "files"]]
    for name, all_ in runs.items():
        cells = [spread(figure, [run[figure] for run in all_]) for figure in FIGURES]
        rows.append([name, *cells, str(all_[-1]["files"])])
    print(table_text(rows))
    peers = [name for name in runs if name != "ours"]
    if "ours" not in runs or not peers:
        return {}
    rows = [["ours / peer, by median", *(heading.rsplit(" ", 1)[0] for heading, _, _ in FIGURES.values())]]
    rows += [
        [name, *(f"{medians['ours'][figure] / medians[name][figure]:.2f}" for figure in FIGURES)] for name in peers
    ]
    verdicts = {}
    for figure, (_, _, most) in FIGURES.items():
        best = min(peers, key=lambda name: medians[name][figure])
        ratio = medians["ours"][figure] / medians[best][figure]
        verdicts[figure] = {"best": best, "ratio": ratio, "most": most, "reached": ratio <= most}
    rows.append(["best peer", *(f"{verdict['ratio']:.2f} ({verdict['best']})" for verdict in verdicts.values())])
    rows.append(["goal", *(f"<= {verdict['most']:.2f}" for verdict in verdicts.values())])
    rows.append(["reached", *("yes" if verdict["reached"] else "no" for verdict in verdicts.values())])
    print(f"\n{table_text(rows)}")
    return verdicts


# ---- about the machine


def field(path: str, name: str) -> str:
    try:
        with open(path) as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith(name))
    except (OSError, StopIteration):
        return "unknown"


def machine() -> dict[str, object]:
    memory = field("/proc/meminfo", "MemTotal").split()[0]
    return {
        "cpu": field("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(int(memory) / (1 << 20), 1) if memory.isdigit() else None,
        "system": f"{platform.system()} {platform.release()}",
    }


def said(*line: str) -> str:
    return subprocess.run(line, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def versions(options: argparse.Namespace) -> dict[str, str]:
    found = {
        name: said(options.python, str(LIB / f"peer_{name}.py"), "--version")
        for name in options.engines
        if name != "ours"
    }
    if "ours" in options.engines:
        node = said(str(ROOT / "node_modules/.bin/node"), "--version")
        found = {"ours": f"{said(installed(), '--version')} (Node {node})"} | found
    return found


def introduced(options: argparse.Namespace, found: dict[str, str]) -> dict[str, object]:
    """Says what runs where, and makes the folder for the input that is kept."""
    if options.data:
        options.data = options.data.resolve()
        options.data.mkdir(parents=True, exist_ok=True)
    box = machine()
    date = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    print(f"{date}  {box['cpu']}, {box['cores']} cores, {box['memory_gb']} GB, {box['system']}")
    print("  ".join(f"{name} {version}" for name, version in found.items()))
    return {"date": date, "machine": box, "versions": found}


def in_turns(
    options: argparse.Namespace, run_one: Callable[[str], dict[str, float]]
) -> tuple[dict[str, list[dict[str, float]]], list[float]]:
    """The figures of each engine's runs, and the load of the machine before and after."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in options.engines}
    load = [os.getloadavg()[0]]
    for number in range(options.runs):
        for name in options.engines:
            runs[name].append(run_one(name))
            figures = "  ".join(f"{figure} {shown(figure, runs[name][-1][figure])}" for figure in FIGURES)
            print(f"peers: run {number + 1} {name}: {figures}", file=sys.stderr)
    return runs, [*load, os.getloadavg()[0]]


def main() -> int:
    options = arguments()
    about = introduced(options, versions(options)) | {
        "source": options.source,
        "gzip": options.gzip,
        "threads": options.threads,
    }
    sizes, ours_rss, failed = [], [], False
    with tempfile.TemporaryDirectory(prefix="audit-warehouse-peers-", dir=options.data) as temporary:
        for records in options.records:
            folder = options.data or Path(temporary)
            source = generated(folder, records, options.source, options.gzip, options.per_object)
            size = read_once(source)
            what = f"{records:,} records of {options.source}, {size / 1e6:,.0f} MB{' of gzip' if options.gzip else ''}"
            print(f"\n{what}, {options.runs} runs of each, {options.threads} threads\n", flush=True)
            runs, load = in_turns(options, lambda name: run(name, options, source, Path(temporary)))
            verdicts = report(runs)
            same = check(options, records, Path(temporary))
            if same is not None:
                print(f"\nAll records in every output, same values but for what is declared: {'yes' if same else 'NO'}")
            print(f"Load of the machine before and after: {load[0]:.1f}, {load[1]:.1f}")
            failed = failed or same is False
            if "ours" in runs:
                ours_rss.append(statistics.median(run_["rss"] for run_ in runs["ours"]))
            sizes.append(
                {"records": records, "bytes": size, "runs": runs, "goals": verdicts, "same": same, "load": load}
            )
            if options.json:
                options.json.write_text(json.dumps(about | {"sizes": sizes}, indent=1) + "\n")
    if len(ours_rss) > 1:
        growth = ours_rss[-1] / ours_rss[0]
        reached = "reached" if growth <= FLAT_MEMORY else "not reached"
        print(f"\nPeak RSS of ours, last size over first: {growth:.2f} (goal: at most {FLAT_MEMORY}, {reached})")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failed as failure:
        sys.exit(f"peers: {failure}")
