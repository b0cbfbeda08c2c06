"""Digests of the rows of objects, as docs/row-digest.md defines them, of a table's Parquet files: the second implementation.

Arguments: the table's name, then its files. Prints a JSON line per object, in the order of their URIs.
"""

import json
import struct
import sys
from collections import defaultdict
from hashlib import blake2s

import pyarrow as pa
import pyarrow.parquet as pq


def length(n):
    out = b""
    while n >= 128:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def text(s):
    return length(len(s.encode())) + s.encode()


def type_name(t):
    if pa.types.is_boolean(t):
        return "boolean"
    if pa.types.is_integer(t):
        return "integer"
    if pa.types.is_float64(t):
        return "double"
    if pa.types.is_timestamp(t):
        return "timestamp"
    if pa.types.is_string(t) or pa.types.is_large_string(t):
        return "string"
    if pa.types.is_map(t):
        return f"map<string,{type_name(t.item_type)}>"
    return f"list<{type_name(t.value_type)}>"


def scalar(name, value):
    if name == "string":
        return text(value)
    if name == "boolean":
        return bytes([value])
    return struct.pack("<d" if name == "double" else "<q", value)


def element(name, value):
    return b"\0" if value is None else b"\1" + scalar(name, value)


def of_value(name, value):
    if name.startswith("list<"):
        return length(len(value)) + b"".join(element(name[5:-1], one) for one in value)
    if name.startswith("map<"):
        inner = name[len("map<string,") : -1]
        return length(len(value)) + b"".join(text(key) + element(inner, one) for key, one in value)
    return scalar(name, value)


def main(table, files):
    rows = defaultdict(list)
    for file in files:
        data = pq.read_table(file, partitioning=None)
        columns = []
        for field in data.schema:
            name = type_name(field.type)
            values = data.column(field.name)
            if name == "timestamp":
                values = values.cast(pa.int64())
            columns.append((field.name, name, values.to_pylist()))
        columns.sort(key=lambda column: column[0].encode())
        place = {name: values for name, _, values in columns if name in ("source_uri", "source_offset")}
        told = [
            (blake2s(name.encode() + b"\0" + type.encode()).digest()[:4], type, values)
            for name, type, values in columns
            if name not in place
        ]
        for i in range(data.num_rows):
            row = b"".join(tag + of_value(type, values[i]) for tag, type, values in told if values[i] is not None)
            rows[place["source_uri"][i]].append((place["source_offset"][i], blake2s(row).digest()))
    for uri in sorted(rows, key=str.encode):
        digest = blake2s(b"audit-warehouse object digest 1\n" + text(table) + text(uri))
        for offset, row in sorted(rows[uri]):
            digest.update(struct.pack("<Q", offset) + row)
        print(json.dumps({"table": table, "uri": uri, "rows": len(rows[uri]), "digest": digest.hexdigest()}))


main(sys.argv[1], sys.argv[2:])
