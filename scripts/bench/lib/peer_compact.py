"""What `compact` does to a day, by another engine: all of its files read, sorted by event_time, written as one with
zstd 9 and row groups of the same size. No engine looks for duplicates or keeps an account.

  peer_compact.py ENGINE --input FOLDER --output FOLDER --threads N     the folders hold one folder a day
"""

import argparse
import os
import sys
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("engine", choices=("duckdb", "polars", "pyarrow"))
parser.add_argument("--version", action="store_true")
parser.add_argument("--input", type=Path)
parser.add_argument("--output", type=Path)
parser.add_argument("--threads", type=int, default=2)
job = parser.parse_args()

LEVEL = 9
ROW_GROUP = 20_480


def days() -> list[tuple[list[str], str]]:
    """The files of each day, and where its new file goes."""
    found = []
    for day in sorted(job.input.glob("ymd=*")):
        target = job.output / day.name
        target.mkdir(parents=True)
        found.append((sorted(str(file) for file in day.glob("*.parquet")), str(target / "sorted.parquet")))
    return found


def by_duckdb() -> str:
    import duckdb

    if not job.version:
        connection = duckdb.connect(config={"threads": job.threads})
        for files, target in days():
            connection.execute(
                "COPY (SELECT * FROM read_parquet($files, hive_partitioning = false) ORDER BY event_time) "
                f"TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {LEVEL}, ROW_GROUP_SIZE {ROW_GROUP})",
                {"files": files},
            )
    return duckdb.__version__


def by_polars() -> str:
    # Read when polars is imported.
    os.environ["POLARS_MAX_THREADS"] = str(job.threads)
    import polars as pl

    if not job.version:
        for files, target in days():
            pl.scan_parquet(files, hive_partitioning=False).sort("event_time", maintain_order=True).sink_parquet(
                target, compression="zstd", compression_level=LEVEL, row_group_size=ROW_GROUP
            )
    return pl.__version__


def by_pyarrow() -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not job.version:
        pa.set_cpu_count(job.threads)
        for files, target in days():
            tables = [pq.ParquetFile(file).read() for file in files]
            pq.write_table(
                pa.concat_tables(tables).sort_by("event_time"),
                target,
                compression="zstd",
                compression_level=LEVEL,
                row_group_size=ROW_GROUP,
            )
    return pa.__version__


version = {"duckdb": by_duckdb, "polars": by_polars, "pyarrow": by_pyarrow}[job.engine]()
if job.version:
    sys.stdout.write(version + "\n")
