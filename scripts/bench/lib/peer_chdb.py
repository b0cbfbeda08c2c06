"""chDB, ClickHouse in process: INSERT INTO FUNCTION file(..., Parquet) PARTITION BY ymd SELECT ... FROM file(...).

Documents are declared as String, which keeps their text as it stands; what is flattened out of them goes through one
JSONExtract to a tuple a document (measured against one JSONExtract for each column). Lists and maps cannot be null
here: an absent one is empty.
"""

import os

import chdb
from job import job_from_arguments

TYPES = {
    "string": "Nullable(String)",
    "json": "Nullable(String)",
    "long": "Nullable(Int64)",
    "boolean": "Nullable(Bool)",
    "list<string>": "Array(String)",
    "map<string,string>": "Map(String, String)",
    "map<string,long>": "Map(String, Int64)",
}
NOTHING = "CAST(NULL, 'Nullable(String)')"
DERIVED = {
    "opa": {
        "event_time": "parseDateTime64BestEffort(assumeNotNull(timestamp), 6, 'UTC')",
        "eopa": "extract(_path, 'eopa=([^/]*)/')",
        "first_ts": "toInt64(extract(_path, 'first_ts=([0-9]+)/'))",
        "last_ts": "toInt64(extract(_path, 'last_ts=([0-9]+)/'))",
        "extra": NOTHING,
    },
    "okera-audit": {
        "event_time": "parseDateTime64BestEffort(assumeNotNull(request_time), 6, 'UTC')",
        "start_time": "fromUnixTimestamp64Micro(start_unix_time * 1000, 'UTC')",
        "end_time": "fromUnixTimestamp64Micro(end_unix_time * 1000, 'UTC')",
        "client_ip": "substringIndex(client_network_address, ':', 1)",
        "client_port": "toInt32OrNull(substringIndex(client_network_address, ':', -1))",
        "request_id_prefix": "leftPad(substringIndex(request_id, ':', 1), 16, '0')",
        "request_id_postfix": "leftPad(substringIndex(request_id, ':', -1), 16, '0')",
        "tenant": NOTHING,
        "service": "substringIndex(_file, '-', 1)",
        "extra": NOTHING,
    },
}

job = job_from_arguments(f"{chdb.__version__} (ClickHouse {chdb.engine_version})")
table = job.table
derived = DERIVED[job.source]


def structure(document: str) -> str:
    return "Tuple(" + ", ".join(f"{key} {TYPES[kind]}" for key, kind in table.inside(document).values()) + ")"


def expression(column: str) -> str:
    if column == "ymd":
        value = "toString(toDate(event_time_))"
    elif column == "event_time":
        value = "event_time_"
    elif column == "source_uri":
        value = "_path"
    elif column in table.inner:
        document, key, _ = table.inner[column]
        value = f"{document}_.{key}" if table.fields[document] == "json" else f"`{document}`['{key}']"
    elif column in derived:
        value = derived[column]
    else:
        return f"`{column}`"
    return f"{value} AS `{column}`"


declared = ", ".join(f"`{name}` {TYPES[kind]}" for name, kind in table.fields.items())
shared = ", ".join(
    [f"{derived['event_time']} AS event_time_"]
    + [
        f"JSONExtract(assumeNotNull(`{document}`), '{structure(document)}') AS {document}_"
        for document in table.of_type("json")
        if table.inside(document)
    ]
)
settings = {
    "max_threads": job.threads,
    "max_insert_threads": 1,
    "input_format_json_read_objects_as_strings": 1,
    "input_format_json_read_arrays_as_strings": 1,
    "output_format_parquet_compression_method": "'zstd'",
    "output_format_parquet_write_bloom_filter": 0,
}
source, target = os.path.abspath(job.input), os.path.abspath(job.output)
chdb.query(f"""
    INSERT INTO FUNCTION file('{target}/ymd={{_partition_id}}/data.parquet', 'Parquet') PARTITION BY ymd
    WITH {shared}
    SELECT {", ".join(expression(column) for column in table.columns)}
    FROM file('{source}/**/*{job.suffix}', 'JSONEachRow', {repr(declared)})
    SETTINGS {", ".join(f"{name} = {value}" for name, value in settings.items())}""")
