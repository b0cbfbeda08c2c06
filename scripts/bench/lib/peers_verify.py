"""Our deep verification and its peers on what each of them wrote before, in turns: what `scripts/bench/peers --job verify` runs.

Every engine converts the input once. A run then reads the input again with the same conversion, reads the Parquet files, and
compares the rows. At the end one record of the input is changed, and every engine has to notice.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import peers
from peers import Failed

ENGINES = ("ours", "duckdb", "polars")

peers.FIGURES.pop("output")
peers.FIGURES |= {
    "wall": ("wall s", 2, 1.0),
    "cpu": ("CPU s", 2, 1.0),
    "rss": ("peak RSS MB", 0, 0.5),
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench/peers --job verify",
        description="Our `verify --deep` against other engines that compare the same input with the files they made of it.",
        epilog="Give it a machine that does nothing else.",
    )
    parser.add_argument("--job", choices=["verify"], help=argparse.SUPPRESS)
    parser.add_argument("--records", type=int, default=1_000_000, help="records on three days (default: 1000000)")
    parser.add_argument("--source", choices=peers.SOURCES, default="opa", help="what the records are (default: opa)")
    peers.add_common_options(parser, ENGINES)
    given = peers.parsed(parser, ENGINES)
    given.gzip = False
    if given.quick:
        given.records, given.runs = 100_000, 1
    return given


def command(engine: str, options: argparse.Namespace, source: Path, output: Path) -> list[str]:
    """The engine's comparison of the input with what it has written."""
    if engine == "ours":
        return peers.ours(output.parent / "ours.yaml", "verify", "--deep")
    return [*peers.command(engine, options, source, output), "--verify"]


def notices(engine: str, options: argparse.Namespace, source: Path, work: Path) -> bool:
    """Whether a comparison ends otherwise once a record has changed."""
    file = min(path for path in source.rglob("*") if path.is_file())
    text = file.read_bytes()
    try:
        file.write_bytes(text.replace(b'"d', b'"e', 1) if b'"d' in text else text.replace(b'"a', b'"e', 1))
        line = command(engine, options, source, work / engine)
        return subprocess.run(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0
    finally:
        file.write_bytes(text)


def main() -> int:
    options = arguments()
    about = peers.introduced(options, peers.versions(options)) | {"source": options.source}
    with tempfile.TemporaryDirectory(prefix="audit-warehouse-peers-", dir=options.data) as temporary:
        work = Path(temporary)
        source = peers.generated(options.data or work, options.records, options.source, False)
        size = peers.read_once(source)
        files = {}
        for name in options.engines:
            written = peers.run(name, options, source, work)
            files[name] = {"files": written["files"]}
        print(f"\n{options.records:,} records of {options.source}, {size / 1e6:,.0f} MB, {options.runs} runs of each\n")
        runs, load = peers.in_turns(
            options, lambda name: peers.measured(name, command(name, options, source, work / name)) | files[name]
        )
        goals = peers.report(runs)
        blind = [name for name in options.engines if not notices(name, options, source, work)]
        print(f"\nA record that has changed is noticed by every engine: {'NO: ' + ', '.join(blind) if blind else 'yes'}")
        print(f"Load of the machine before and after: {load[0]:.1f}, {load[1]:.1f}")
        if options.json:
            result = about | {"records": options.records, "bytes": size, "runs": runs, "goals": goals, "blind": blind}
            options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 1 if blind else 0


try:
    sys.exit(main())
except Failed as failure:
    sys.exit(f"peers: {failure}")
