"""DuckDB: read_json with declared columns -> COPY ... PARTITION_BY (ymd), in one statement.

Documents are declared as JSON, which gives text written anew from the parsed value (1.50 becomes 1.5); what is
flattened out of them goes through one json_transform a document (measured against `->>` for each column and against
reading structs and writing them back as text). Times are taken for UTC, as all of the generated ones are.
"""

from pathlib import Path

import duckdb
from job import Table, end_comparison, job_from_arguments

TYPES = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "boolean": "BOOLEAN",
    "json": "JSON",
    "list<string>": "VARCHAR[]",
    "map<string,string>": "MAP(VARCHAR, VARCHAR)",
    "map<string,long>": "MAP(VARCHAR, BIGINT)",
}
FLATTENED = {"string": '"VARCHAR"', "boolean": '"BOOLEAN"', "list<string>": '["VARCHAR"]'}


def ident(name: str) -> str:
    return f'"{name}"'


def structure(table: Table, document: str) -> str:
    return "{" + ",".join(f'"{key}":{FLATTENED[kind]}' for key, kind in table.inside(document).values()) + "}"


DERIVED = {
    "opa": {"event_time": "CAST(timestamp AS TIMESTAMP)", "extra": "NULL::VARCHAR"},
    "okera-audit": {
        "event_time": "CAST(request_time AS TIMESTAMP)",
        "start_time": "make_timestamp(start_unix_time * 1000)",
        "end_time": "make_timestamp(end_unix_time * 1000)",
        "client_ip": "split_part(client_network_address, ':', 1)",
        "client_port": "TRY_CAST(split_part(client_network_address, ':', 2) AS INTEGER)",
        "request_id_prefix": "lpad(split_part(request_id, ':', 1), 16, '0')",
        "request_id_postfix": "lpad(split_part(request_id, ':', 2), 16, '0')",
        "tenant": "NULL::VARCHAR",
        "service": "split_part(parse_filename(source_uri), '-', 1)",
        "extra": "NULL::VARCHAR",
    },
}
# The values of the key are one constant for each file.
KEYS = {
    "opa": ", hive_partitioning = true, hive_types = {eopa: VARCHAR, first_ts: BIGINT, last_ts: BIGINT}",
    "okera-audit": ", hive_partitioning = false",
}

job = job_from_arguments(duckdb.__version__)
table = job.table
derived = DERIVED[job.source]


def expression(column: str) -> str:
    if column == "ymd":
        value = "CAST(CAST(event_time AS DATE) AS VARCHAR)"
    elif column in table.inner:
        document, key, _ = table.inner[column]
        value = f"{document}_['{key}']" if table.fields[document] == "json" else f"{document}['{key}']"
    elif table.fields.get(column) == "json":
        value = f"{ident(column)}::VARCHAR"
    elif column in derived and column != "event_time":
        value = derived[column]
    else:
        value = ident(column)
    return f"{value} AS {ident(column)}"


declared = ", ".join(f"{ident(name)}: '{TYPES[kind]}'" for name, kind in table.fields.items())
flattened = "".join(
    f", json_transform({ident(document)}, '{structure(table, document)}') AS {document}_"
    for document in table.of_type("json")
    if table.inside(document)
)
connection = duckdb.connect(
    config={
        "threads": job.threads,
        # Both lower its memory, and neither costs time.
        "preserve_insertion_order": False,
        "partitioned_write_flush_threshold": 65_536,
    }
)
if job.endpoint is not None:
    import duckdb_extension_httpfs

    folder = Path(duckdb_extension_httpfs.__path__[0])
    connection.load_extension(str(next(folder.rglob("httpfs.duckdb_extension"))))
    connection.execute(f"""
        CREATE SECRET (TYPE s3, KEY_ID 'bench', SECRET 'bench', REGION 'us-east-1', URL_STYLE 'path', USE_SSL false,
          ENDPOINT '{job.endpoint.removeprefix("http://")}')""")
converted = f"""
      SELECT {", ".join(expression(column) for column in table.columns)}
      FROM (
        SELECT *, {derived["event_time"]} AS event_time{flattened}
        FROM read_json(
          '{job.pattern}', format = 'newline_delimited', columns = {{{declared}}}, filename = 'source_uri'
          {KEYS[job.source]}
        )
      )"""
if job.verify:
    stored = f"read_parquet('{job.output}/**/*.parquet', hive_partitioning = true, hive_types = {{ymd: VARCHAR}})"
    row = f"hash({', '.join(ident(column) for column in table.columns)})"
    # Hashes of 64 bits, which takes a fifth of the memory of EXCEPT ALL over all columns, both ways.
    (differing,) = connection.execute(f"""
        SELECT count(*) FROM (
          SELECT row FROM (
            SELECT {row} AS row, 1 AS side FROM ({converted}) UNION ALL SELECT {row}, -1 FROM {stored}
          ) GROUP BY row HAVING sum(side) <> 0
        )""").fetchone()
    end_comparison(differing)
else:
    connection.execute(f"""
    COPY ({converted}
    ) TO '{job.output}' (
      FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION V2, WRITE_BLOOM_FILTER false, PARTITION_BY (ymd)
    )""")
