"""pyarrow: read_json of one file after the other with a declared schema -> write_dataset, partitioned.

pyarrow knows no JSON text: input and result stay structs of their declared fields, and documents without declared
fields are left out (null). labels and metrics become maps of the keys that occur. Files are converted on a pool, as a
dataset of JSON files cannot name the file in an expression (measured against one file at a time, and against threads
inside of a file).
"""

import re
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.json as pj
from job import MAP_KEYS, job_from_arguments

TYPES = {"string": pa.string(), "long": pa.int64(), "boolean": pa.bool_(), "list<string>": pa.list_(pa.string())}
ELEMENTS = {"map<string,string>": pa.string(), "map<string,long>": pa.int64()}
MICROS = pa.timestamp("us")

job = job_from_arguments(pa.__version__)
table = job.table
# Faster here than its own pools, and less memory.
pa.set_memory_pool(pa.system_memory_pool())
pa.set_cpu_count(job.threads)
pa.set_io_thread_count(job.threads)


def read_type(name: str, kind: str) -> pa.DataType | None:
    if kind in ELEMENTS:
        return pa.struct([(key, ELEMENTS[kind]) for key in MAP_KEYS[name]])
    if kind == "json":
        # Sorted, as the text of the document has them.
        fields = sorted((key, TYPES[inner]) for key, inner in table.inside(name).values())
        return pa.struct(fields) if fields else None
    return TYPES[kind]


read = {name: type_ for name, kind in table.fields.items() if (type_ := read_type(name, kind))}
parsing = pj.ParseOptions(explicit_schema=pa.schema(list(read.items())), unexpected_field_behavior="ignore")
reading = pj.ReadOptions(use_threads=False, block_size=16 << 20)


def micros(text: pa.Array) -> pa.Array:
    """Nanoseconds are cut."""
    return text.cast(pa.timestamp("ns", tz="UTC")).cast(pa.timestamp("us", tz="UTC"), safe=False).cast(MICROS)


def half(text: pa.Array, index: int) -> pa.Array:
    return pc.list_element(pc.split_pattern(text, ":", max_splits=1), index)


def days(event_time: pa.Array) -> pa.Array:
    return event_time.cast(pa.date32()).cast(pa.string())


def opa(file: str, col) -> dict[str, object]:
    eopa, first, last = re.search(r"eopa=([^/]*)/first_ts=(\d+)/last_ts=(\d+)/", file).groups()
    return {"event_time": micros(col("timestamp")), "eopa": eopa, "first_ts": int(first), "last_ts": int(last)}


def okera(file: str, col) -> dict[str, object]:
    address, request = col("client_network_address"), col("request_id")
    return {
        # Without a zone in the text; ISO 8601 in pyarrow's sense.
        "event_time": col("request_time").cast(pa.timestamp("ns")).cast(MICROS, safe=False),
        "start_time": pc.multiply(col("start_unix_time"), 1000).cast(MICROS),
        "end_time": pc.multiply(col("end_unix_time"), 1000).cast(MICROS),
        "client_ip": half(address, 0),
        "client_port": half(address, 1).cast(pa.int32()),
        "request_id_prefix": pc.utf8_lpad(half(request, 0), 16, "0"),
        "request_id_postfix": pc.utf8_lpad(half(request, 1), 16, "0"),
        "service": re.search(r"([^/]+?)-[^/]*$", file)[1],
    }


derive = {"opa": opa, "okera-audit": okera}[job.source]
OTHER = {
    "event_time": MICROS, "start_time": MICROS, "end_time": MICROS, "client_port": pa.int32(),
    "first_ts": pa.int64(), "last_ts": pa.int64(),
}  # fmt: skip


def written_type(column: str) -> pa.DataType:
    kind = table.inner[column][2] if column in table.inner else table.fields.get(column)
    if kind in ELEMENTS:
        return pa.map_(pa.string(), ELEMENTS[kind])
    if kind == "json":
        return read.get(column, pa.string())
    return TYPES[kind] if kind else OTHER.get(column, pa.string())


schema = pa.schema([(column, written_type(column)) for column in table.columns])
tilings: dict[tuple[str, int], tuple[pa.Array, pa.Array, pa.Array]] = {}


def map_of(name: str, struct: pa.StructArray) -> pa.MapArray:
    """The struct's fields as entries of a map; all of them, for every row of the generated input has them all."""
    rows, keys = len(struct), MAP_KEYS[name]
    tiling = tilings.get((name, rows))
    if tiling is None:
        by_row = np.arange(rows * len(keys)).reshape(len(keys), rows).T.ravel()
        repeated = pa.array(keys).take(pa.array(np.tile(np.arange(len(keys)), rows)))
        offsets = pa.array(np.arange(0, (rows + 1) * len(keys), len(keys), dtype=np.int32))
        tiling = tilings[(name, rows)] = (pa.array(by_row), repeated, offsets)
    by_row, repeated, offsets = tiling
    return pa.MapArray.from_arrays(offsets, repeated, pa.concat_arrays(struct.flatten()).take(by_row))


def convert(file: str) -> pa.RecordBatch:
    with pa.input_stream(file, compression="detect") as stream:
        records = pj.read_json(stream, read_options=reading, parse_options=parsing).combine_chunks()
    rows = records.num_rows
    col = lambda name: records.column(name).chunk(0)  # noqa: E731
    derived = derive(file, col) | {"source_uri": file}
    derived["ymd"] = days(derived["event_time"])

    def value(column: str) -> pa.Array:
        if column in table.inner:
            document, key, _ = table.inner[column]
            return pc.struct_field(col(document), key)
        if table.fields.get(column) in ELEMENTS:
            return map_of(column, col(column))
        if column in read:
            return col(column)
        found = derived.get(column)
        if isinstance(found, (pa.Array, pa.ChunkedArray)):
            return found
        type_ = schema.field(column).type
        return pa.nulls(rows, type_) if found is None else pa.repeat(pa.scalar(found, type_), rows)

    return pa.RecordBatch.from_arrays([value(column) for column in table.columns], schema=schema)


def batches():
    with ThreadPoolExecutor(job.threads) as pool:
        ahead: deque = deque()
        for file in job.files():
            ahead.append(pool.submit(convert, file))
            if len(ahead) > 2 * job.threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


parquet = ds.ParquetFileFormat()
ds.write_dataset(
    batches(),
    job.output,
    schema=schema,
    format=parquet,
    partitioning=ds.partitioning(pa.schema([("ymd", pa.string())]), flavor="hive"),
    file_options=parquet.make_write_options(compression="zstd"),
    # Otherwise a row group is what one file has for a day, which is slower to write and larger.
    min_rows_per_group=65_536,
    preserve_order=False,
)
