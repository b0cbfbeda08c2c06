"""The conversion that every engine does: which fields are read, which columns come out. Taken from the annotated schema
of the source (schemas/*.schema.json), so that the peers stay in step with our own table.
"""

import argparse
import atexit
import glob
import json
import os
import re
import resource
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ("opa", "okera-audit")

# Columns of ours that no peer writes.
OURS_ALONE = ("client_ip_key", "source_offset")

# The keys of labels and metrics in the generated input, for engines whose maps are structs of keys known beforehand.
MAP_KEYS = {
    "labels": ("id", "type", "version"),
    "metrics": (
        "counter_regovm_eval_instructions",
        "counter_server_query_cache_hit",
        "timer_rego_input_parse_ns",
        "timer_regovm_eval_ns",
        "timer_server_handler_ns",
    ),
}


@dataclass
class Table:
    """name; columns to write, in order; fields: the record's own, name -> type (string, long, boolean, list<string>,
    map<string,long>, json: any document); inner: column -> (field, key inside of it, type)."""

    name: str
    columns: list[str]
    fields: dict[str, str] = field(default_factory=dict)
    inner: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def inside(self, parent: str) -> dict[str, tuple[str, str]]:
        """Columns that come from inside one field: column -> (key, type)."""
        return {column: (key, kind) for column, (of, key, kind) in self.inner.items() if of == parent}

    def of_type(self, kind: str) -> list[str]:
        return [name for name, is_kind in self.fields.items() if is_kind == kind]


def table_of(source: str) -> Table:
    schema = json.loads((ROOT / "schemas" / f"{source}.schema.json").read_text())
    about = schema["x-table"]
    table = Table(about["name"], [name for name in about["order"] if name not in OURS_ALONE])
    for name, described in schema["properties"].items():
        column = described["x-column"]
        assert column["name"] == name, f"{source}: the column of {name} has another name"
        table.fields[name] = "json" if column.get("encode") == "json" else column["type"]
        for key, below in described.get("properties", {}).items():
            inner = below["x-column"]
            table.inner[inner["name"]] = (name, key, inner["type"])
    # Where generated records have it is the first path that its description names.
    for name, column in about.get("mapped", {}).items():
        parent, key = re.search(r"(input|result)\.(\w+)", column["description"]).groups()
        table.inner[name] = (parent, key, column["type"])
    return table


@dataclass
class Job:
    source: str
    input: str
    output: str
    threads: int
    # Of an S3 that `input` is in, without a bucket of its own: http://127.0.0.1:9000.
    endpoint: str | None = None
    # Compare what `output` holds with the input instead of writing it.
    verify: bool = False

    @property
    def table(self) -> Table:
        return table_of(self.source)

    @property
    def pattern(self) -> str:
        """A glob over the objects, for engines that list them by themselves; `gzip` is by the name's end."""
        return f"{self.input}/**/*{self.suffix}"

    @property
    def suffix(self) -> str:
        if self.endpoint is not None:
            return ".jsonl"
        first = next(name for _, _, names in os.walk(self.input) for name in names)
        return re.search(r"(\.jsonl|_audit\.log)(\.gz)?$", first)[0]

    def files(self) -> list[str]:
        return sorted(glob.glob(self.pattern, recursive=True))


def job_from_arguments(version: str) -> Job:
    """What the driver asks for. `--version` prints the engine's version and ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", action="version", version=version)
    parser.add_argument("--source", choices=SOURCES, required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--endpoint")
    parser.add_argument("--verify", action="store_true", help="compare --output with --input; exit 1 where they differ")
    parser.add_argument("--usage", action="store_true", help="print CPU time and peak memory at the end, as JSON")
    arguments = vars(parser.parse_args())
    if arguments.pop("usage"):
        atexit.register(print_usage)
    return Job(**arguments)


def end_comparison(differing: int) -> None:
    if differing > 0:
        sys.exit(f"{differing} rows are on one side only")


def print_usage() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    figures = {"cpu_seconds": used.ru_utime + used.ru_stime, "peak_rss_bytes": used.ru_maxrss * 1024}
    print(json.dumps(figures))
