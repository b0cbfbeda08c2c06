"""Polars: scan_ndjson with a declared schema -> sink_parquet, partitioned, on the streaming engine.

A document declared as String comes as JSON text (written anew: a space after colons and commas); what is flattened out
of it goes through one json_decode a document (measured against reading structs and json_encode, and against
json_path_match for each column). labels and metrics are structs of the keys that occur: Polars has maps, but reading
them doubles its time.
"""

import os
import sys

# Read when polars is imported, so this goes first.
os.environ["POLARS_MAX_THREADS"] = sys.argv[sys.argv.index("--threads") + 1] if "--threads" in sys.argv else "2"

import polars as pl  # noqa: E402
from job import MAP_KEYS, end_comparison, job_from_arguments  # noqa: E402

TYPES = {
    "string": pl.String,
    "json": pl.String,
    "long": pl.Int64,
    "boolean": pl.Boolean,
    "list<string>": pl.List(pl.String),
}
ELEMENTS = {"map<string,string>": pl.String, "map<string,long>": pl.Int64}

job = job_from_arguments(pl.__version__)
table = job.table
col = pl.col
uri = col("source_uri")
nothing = pl.lit(None, dtype=pl.String)


def type_of(name: str, kind: str) -> pl.DataType:
    return pl.Struct({key: ELEMENTS[kind] for key in MAP_KEYS[name]}) if kind in ELEMENTS else TYPES[kind]


def half(name: str, index: int) -> pl.Expr:
    return col(name).str.split_exact(":", 1).struct.field(f"field_{index}")


DERIVED = {
    "opa": lambda: {
        "event_time": col("timestamp").str.to_datetime(time_unit="us", time_zone="UTC").dt.replace_time_zone(None),
        "eopa": uri.str.extract(r"eopa=([^/]*)/"),
        "first_ts": uri.str.extract(r"first_ts=(\d+)/").cast(pl.Int64),
        "last_ts": uri.str.extract(r"last_ts=(\d+)/").cast(pl.Int64),
        "extra": nothing,
    },
    "okera-audit": lambda: {
        "event_time": col("request_time").str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us"),
        "start_time": (col("start_unix_time") * 1000).cast(pl.Datetime("us")),
        "end_time": (col("end_unix_time") * 1000).cast(pl.Datetime("us")),
        "client_ip": half("client_network_address", 0),
        "client_port": half("client_network_address", 1).cast(pl.Int32, strict=False),
        "request_id_prefix": half("request_id", 0).str.pad_start(16, "0"),
        "request_id_postfix": half("request_id", 1).str.pad_start(16, "0"),
        "tenant": nothing,
        "service": uri.str.extract(r"/([^/]+?)-[^/]*$"),
        "extra": nothing,
    },
}
derived = DERIVED[job.source]()
flattened = {
    document: pl.Struct({key: TYPES[kind] for key, kind in table.inside(document).values()})
    for document in table.of_type("json")
    if table.inside(document)
}


def expression(column: str) -> pl.Expr:
    if column == "ymd":
        return col("event_time").dt.strftime("%Y-%m-%d").alias(column)
    if column in table.inner:
        document, key, _ = table.inner[column]
        return col(f"{document}_" if document in flattened else document).struct.field(key).alias(column)
    if column in derived and column != "event_time":
        return derived[column].alias(column)
    return col(column)


converted = (
    pl.scan_ndjson(
        job.files(),
        schema={name: type_of(name, kind) for name, kind in table.fields.items()},
        include_file_paths="source_uri",
    )
    .with_columns(
        derived["event_time"].alias("event_time"),
        *(col(document).str.json_decode(struct).alias(f"{document}_") for document, struct in flattened.items()),
    )
    .select(expression(column) for column in table.columns)
)


def hashed(rows: pl.LazyFrame, side: int) -> pl.LazyFrame:
    """Of each row 64 bits, since neither a join nor a group goes by lists."""
    return rows.select(row=pl.struct(table.columns).hash(), side=pl.lit(side, dtype=pl.Int32))


if job.verify:
    stored = pl.scan_parquet(f"{job.output}/**/*.parquet", hive_partitioning=True, hive_schema={"ymd": pl.String})
    both = pl.concat([hashed(converted, 1), hashed(stored, -1)])
    odd = both.group_by("row").agg(col("side").sum()).filter(col("side") != 0)
    end_comparison(odd.select(pl.len()).collect(engine="streaming").item())
else:
    converted.sink_parquet(
        pl.PartitionBy(job.output, key="ymd"), compression="zstd", maintain_order=False, mkdir=True, engine="streaming"
    )
