"""Writes the same rows with pyarrow and DuckDB in several ways, for our reader to read.

Argument: the folder to write to. The rows are those of test/parquet/reader.test.ts.
"""

import datetime
import pathlib
import sys

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

folder = pathlib.Path(sys.argv[1])
time = datetime.datetime(2024, 5, 6, 7, 8, 9, 123456)
early = datetime.datetime(1, 1, 1)
map_type = pa.map_(pa.string(), pa.int64())
schema = pa.schema(
    [
        ("flag", pa.bool_()),
        ("port", pa.int32()),
        ("count", pa.int64()),
        ("ratio", pa.float64()),
        ("subject", pa.string()),
        ("event_time", pa.timestamp("us")),
        ("roles", pa.list_(pa.string())),
        ("metrics", map_type),
    ]
)
rows = [
    (True, 443, 2**53 + 1, 0.5, "\ufeffalice", time, ["b", None, "a"], [("z", 1), ("1", None), ("a", -(2**63))]),
    (None, None, None, None, None, None, None, None),
    (False, -1, -(2**63), -0.0, "", early, [], []),
    (True, 0, 2**63 - 1, 1e300, "zoë 💩", time, [None], [("", 5)]),
]
written = pa.Table.from_pydict({field.name: [row[i] for row in rows] for i, field in enumerate(schema)}, schema=schema)

for codec in ("none", "snappy", "gzip", "zstd", "brotli", "lz4"):
    # Of one row each, a row group has nothing but nulls, and dictionaries of no bytes.
    for size in (1, 3):
        pq.write_table(written, folder / f"pyarrow-{codec}-{size}.parquet", compression=codec, row_group_size=size)
    pq.write_table(
        written,
        folder / f"pyarrow-{codec}-v2.parquet",
        compression=codec,
        data_page_version="2.0",
        use_dictionary=False,
        row_group_size=1,
    )
pq.write_table(
    written,
    folder / "pyarrow-delta.parquet",
    use_dictionary=False,
    column_encoding={"count": "DELTA_BINARY_PACKED", "subject": "DELTA_BYTE_ARRAY"},
)
pq.write_table(written, folder / "pyarrow-int96.parquet", use_deprecated_int96_timestamps=True)
pq.write_table(written.slice(0, 0), folder / "pyarrow-empty.parquet")
duckdb.sql(f"COPY (SELECT * FROM written) TO '{folder}/duckdb.parquet' (FORMAT parquet, COMPRESSION zstd)")
