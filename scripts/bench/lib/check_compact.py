"""Whether files of several engines hold the same rows, each sorted by event_time; prints what differs, exit 1 then.

  check_compact.py RECORDS '{"ours": [FILE, …], "polars": [FILE, …]}'
"""

import json
import sys

import duckdb

records, outputs = int(sys.argv[1]), json.loads(sys.argv[2])
db = duckdb.connect(config={"threads": 2})
differences: list[str] = []


def summary(files: list[str]) -> dict[str, object]:
    """By column, a hash of its values with the place that their row came from."""
    db.execute("SET VARIABLE files = $files", {"files": files})
    read = "read_parquet(getvariable('files'), hive_partitioning = false)"
    columns = db.execute(f"DESCRIBE FROM {read}").fetchall()
    # Maps are lists of pairs to some engines.
    values = {
        name: f'map_entries("{name}")::VARCHAR' if kind.startswith("MAP") else f'"{name}"::VARCHAR'
        for name, kind, *_ in columns
    }
    sums = ", ".join(f'bit_xor(hash(source_uri, source_offset, {value})) AS "{name}"' for name, value in values.items())
    result = db.execute(f"SELECT count(*) AS rows, {sums} FROM {read}")
    return dict(zip([column[0] for column in result.description], result.fetchone()))


def is_sorted(file: str) -> bool:
    query = "SELECT count(*) FROM (SELECT event_time < lag(event_time) OVER (ORDER BY file_row_number) AS back FROM "
    query += "read_parquet($file, file_row_number = true, hive_partitioning = false)) WHERE back"
    return db.execute(query, {"file": file}).fetchone()[0] == 0


summaries = {name: summary(files) for name, files in outputs.items()}
expected_name, expected = next(iter(summaries.items()))
for name, found in summaries.items():
    if found["rows"] != records:
        differences.append(f"{name} has {found['rows']} rows")
    differences += [f"{name} differs from {expected_name} in {key}" for key in expected if found.get(key) != expected[key]]
    differences += [f"{file} of {name} is not sorted" for file in outputs[name] if not is_sorted(file)]
print("\n".join(differences))
sys.exit(1 if differences else 0)
