"""Columns of every type of Iceberg v2 that the warehouse does not declare, nested ones too.

parquet_carried.py write FOLDER   files in several codecs, encodings and page versions; prints the fields of their Iceberg schema
parquet_carried.py values FILE... of each the rows as JSON, and the bounds in the footer that are not those of the values
"""

import datetime
import decimal
import json
import os
import random
import sys
import uuid

import pyarrow as pa
import pyarrow.parquet as pq

ids = iter(range(1, 1000))


def field(name, type, nullable=True):
    return pa.field(name, type, nullable=nullable, metadata={b"PARQUET:field_id": str(next(ids)).encode()})


def element(type, nullable=True):
    return field("element", type, nullable)


def schema():
    return pa.schema(
        [
            field("row", pa.int64(), False),
            field("small_decimal", pa.decimal128(9, 2)),
            field("decimal", pa.decimal128(18, 4)),
            field("large_decimal", pa.decimal128(38, 10)),
            field("float", pa.float32()),
            field("double", pa.float64()),
            field("flag", pa.bool_()),
            field("int", pa.int32()),
            field("long", pa.int64()),
            field("date", pa.date32()),
            field("time", pa.time64("us")),
            field("timestamp", pa.timestamp("us")),
            field("timestamptz", pa.timestamp("us", "UTC")),
            field("text", pa.string()),
            field("binary", pa.binary()),
            field("uuid", pa.binary(16)),
            field("fixed", pa.binary(5)),
            field("decimals", pa.list_(element(pa.decimal128(20, 3)))),
            field("lists", pa.list_(element(pa.list_(element(pa.float32()))))),
            field(
                "place",
                pa.struct([field("city", pa.string()), field("at", pa.struct([field("lat", pa.float32()), field("long", pa.float32())]))]),
            ),
            field("visits", pa.list_(element(pa.struct([field("day", pa.date32()), field("tags", pa.list_(element(pa.string())))])))),
            field(
                "by_number",
                pa.map_(field("key", pa.int32(), False), field("value", pa.struct([field("price", pa.decimal128(9, 2)), field("when", pa.timestamp("us", "UTC"))]))),
            ),
            field("of_maps", pa.struct([field("inner", pa.map_(field("key", pa.string(), False), field("value", pa.list_(element(pa.binary(3))))))])),
        ]
    )


def iceberg(f):
    """A field as Iceberg's schemas have it in JSON."""
    return {"id": id_of(f), "name": f.name, "required": not f.nullable, "type": iceberg_type(f)}


def id_of(f):
    return int(f.metadata[b"PARQUET:field_id"])


def iceberg_type(f):
    t = f.type
    if pa.types.is_struct(t):
        return {"type": "struct", "fields": [iceberg(t.field(i)) for i in range(t.num_fields)]}
    if pa.types.is_map(t):
        k, v = t.key_field, t.item_field
        return {
            "type": "map",
            "key-id": id_of(k),
            "key": iceberg_type(k),
            "value-id": id_of(v),
            "value": iceberg_type(v),
            "value-required": not v.nullable,
        }
    if pa.types.is_list(t):
        e = t.value_field
        return {"type": "list", "element-id": id_of(e), "element": iceberg_type(e), "element-required": not e.nullable}
    if pa.types.is_decimal(t):
        return f"decimal({t.precision}, {t.scale})"
    if pa.types.is_fixed_size_binary(t):
        return "uuid" if f.name == "uuid" else f"fixed[{t.byte_width}]"
    names = {"bool": "boolean", "int32": "int", "int64": "long", "date32[day]": "date", "time64[us]": "time"}
    names |= {"timestamp[us]": "timestamp", "timestamp[us, tz=UTC]": "timestamptz"}
    return names.get(str(t), str(t))


class Values:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def maybe(self, make, share=0.25):
        return None if self.random.random() < share else make()

    def items(self, make):
        return [self.maybe(make) for _ in range(self.random.choice([0, 0, 1, 2, 5]))]

    def decimal(self, digits, scale):
        n = self.random.choice([0, 1, -1, 10**digits - 1, 1 - 10**digits, self.random.randrange(-(10**digits) + 1, 10**digits)])
        return decimal.Decimal(n).scaleb(-scale, decimal.Context(prec=50))

    def float(self):
        return self.random.choice([0.0, -0.0, 1.5, -2.25, float("inf"), float("nan"), self.random.randrange(1 << 20) / 8])

    def day(self):
        return datetime.date(1970, 1, 1) + datetime.timedelta(days=self.random.randrange(-30000, 30000))

    def moment(self, zone=None):
        return datetime.datetime(1970, 1, 1, tzinfo=zone) + datetime.timedelta(microseconds=self.random.randrange(-(10**15), 10**15))

    def bytes(self, count):
        return self.random.randbytes(count)

    def text(self):
        return self.random.choice(["", "a", "ab", "röt", "\U0010ffff", "x" * 300, "prefix-" + str(self.random.randrange(9))])

    def row(self, number):
        r, m = self.random, self.maybe
        utc = datetime.timezone.utc
        return {
            "row": number,
            "small_decimal": m(lambda: self.decimal(9, 2)),
            "decimal": m(lambda: self.decimal(18, 4)),
            "large_decimal": m(lambda: self.decimal(38, 10)),
            "float": m(self.float),
            "double": m(self.float),
            "flag": m(lambda: r.random() < 0.5),
            "int": m(lambda: r.choice([0, -(2**31), 2**31 - 1, r.randrange(1000)])),
            "long": m(lambda: r.choice([0, -(2**63), 2**63 - 1, r.randrange(1000)])),
            "date": m(self.day),
            "time": m(lambda: datetime.time(r.randrange(24), r.randrange(60), r.randrange(60), r.randrange(10**6))),
            "timestamp": m(self.moment),
            "timestamptz": m(lambda: self.moment(utc)),
            "text": m(self.text),
            "binary": m(lambda: self.bytes(r.choice([0, 1, 30]))),
            "uuid": m(lambda: self.bytes(16)),
            "fixed": m(lambda: r.choice([b"\0\0\0\0\0", self.bytes(5)])),
            "decimals": m(lambda: self.items(lambda: self.decimal(20, 3))),
            "lists": m(lambda: self.items(lambda: self.items(self.float))),
            "place": m(lambda: {"city": m(self.text), "at": m(lambda: {"lat": m(self.float), "long": m(self.float)}, 0.5)}),
            "visits": m(lambda: self.items(lambda: {"day": m(self.day), "tags": m(lambda: self.items(self.text))})),
            "by_number": m(
                lambda: [
                    (k, m(lambda: {"price": m(lambda: self.decimal(9, 2)), "when": m(lambda: self.moment(utc))}))
                    for k in range(r.choice([0, 1, 3]))
                ]
            ),
            "of_maps": m(lambda: {"inner": m(lambda: [("k" + str(k), m(lambda: self.items(lambda: self.bytes(3)))) for k in range(r.choice([0, 1, 3]))])}),
        }


def write(folder):
    shape = schema()
    values = Values(32)
    rows = [values.row(n) for n in range(700)]
    table = pa.Table.from_pylist(rows, schema=shape)
    nulls = pa.Table.from_pylist([{**dict.fromkeys(shape.names), "row": n} for n in range(50)], schema=shape)


    def put(name, table, **options):
        pq.write_table(table, os.path.join(folder, name + ".parquet"), **options)

    put("plain", table, use_dictionary=False, compression="none", row_group_size=300)
    types = {c.path: c.physical_type for c in pq.ParquetFile(os.path.join(folder, "plain.parquet")).schema}
    put("dictionary", table, compression="snappy", data_page_version="2.0", data_page_size=2000)
    delta = {"INT32": "DELTA_BINARY_PACKED", "INT64": "DELTA_BINARY_PACKED", "BYTE_ARRAY": "DELTA_BYTE_ARRAY", "BOOLEAN": "RLE"}
    split = dict.fromkeys(["FLOAT", "DOUBLE", "INT32", "INT64", "FIXED_LEN_BYTE_ARRAY"], "BYTE_STREAM_SPLIT")
    split["BYTE_ARRAY"] = "DELTA_LENGTH_BYTE_ARRAY"
    for name, encodings, version in (("delta", delta, "1.0"), ("split", split, "2.0")):
        chosen = {path: encodings[type] for path, type in types.items() if type in encodings}
        put(name, table, use_dictionary=False, column_encoding=chosen, compression="zstd", data_page_version=version, data_page_size=3000)
    put("nulls", nulls, compression="gzip")
    put("integers", table, compression="zstd", store_decimal_as_integer=True)
    json.dump([iceberg(f) for f in shape], sys.stdout)


def plain(value):
    if isinstance(value, float):
        return "float " + repr(value)
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (decimal.Decimal, datetime.date, datetime.time, datetime.datetime)):
        return str(value)
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


def wrong_bounds(path):
    file = pq.ParquetFile(path)
    wrong = []
    for group in range(file.metadata.num_row_groups):
        table = file.read_row_group(group)
        for c in range(file.metadata.num_columns):
            chunk = file.metadata.row_group(group).column(c)
            stats = chunk.statistics
            if "." in chunk.path_in_schema or stats is None:
                continue
            values = [v for v in table.column(chunk.path_in_schema).to_pylist() if v is not None and v == v]
            if stats.null_count != table.column(chunk.path_in_schema).null_count:
                wrong.append(chunk.path_in_schema + " nulls")
            if stats.has_min_max and values and (stats.min, stats.max) != (min(values), max(values)):
                wrong.append(chunk.path_in_schema)
    return wrong


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(sys.argv[2])
    else:
        files = [{"rows": plain(pq.ParquetFile(path).read().to_pylist()), "wrong": wrong_bounds(path)} for path in sys.argv[2:]]
        json.dump(files, sys.stdout)
