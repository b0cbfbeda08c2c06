"""Columns of every type of Iceberg v2 in a table of the Glue catalog, with PyIceberg.

iceberg_foreign.py DATABASE TABLE add    adds the columns, and appends a row for each of standard input (ymd, decision_id, subject, source_uri)
iceberg_foreign.py DATABASE TABLE read   prints the values of these columns by decision_id, as JSON
"""

import datetime
import decimal
import json
import sys
import uuid
from collections.abc import Mapping

import pyarrow as pa
from glue import glue_catalog
from pyiceberg.types import (
    BinaryType, BooleanType, DateType, DecimalType, DoubleType, FixedType, FloatType, IntegerType, ListType, LongType, MapType,
    NestedField, StringType, StructType, TimestampType, TimestamptzType, TimeType, UUIDType,
)

database, name, doing = sys.argv[1:4]
catalog = glue_catalog()
table = catalog.load_table(f"{database}.{name}")

place = StructType(NestedField(1, "city", StringType()), NestedField(2, "at", StructType(NestedField(3, "lat", FloatType()))))
columns = {
    "their_decimal": (DecimalType(9, 2), lambda n: decimal.Decimal(n - 1).scaleb(-2)),
    "their_long_decimal": (DecimalType(38, 10), lambda n: decimal.Decimal(10**37 - n).scaleb(-10, decimal.Context(prec=50))),
    "their_float": (FloatType(), lambda n: n + 0.5),
    "their_double": (DoubleType(), lambda n: -float(n)),
    "their_flag": (BooleanType(), lambda n: n % 2 == 0),
    "their_int": (IntegerType(), lambda n: n - 2),
    "their_long": (LongType(), lambda n: n - 2**62),
    "their_date": (DateType(), lambda n: datetime.date(1969, 12, 30) + datetime.timedelta(days=n)),
    "their_time": (TimeType(), lambda n: datetime.time(23, 59, 59, n)),
    "their_timestamp": (TimestampType(), lambda n: datetime.datetime(1969, 12, 31, 23, 59, 59, n)),
    "their_timestamptz": (TimestamptzType(), lambda n: datetime.datetime(2024, 1, 1, 0, 0, 0, n, datetime.timezone.utc)),
    "their_text": (StringType(), lambda n: "röt " * n),
    "their_binary": (BinaryType(), lambda n: bytes([0xFF, 0, n])),
    "their_uuid": (UUIDType(), lambda n: uuid.UUID(int=n).bytes),
    "their_fixed": (FixedType(3), lambda n: bytes([n, 0, 0xFE])),
    "their_list": (ListType(4, DecimalType(20, 3), False), lambda n: [decimal.Decimal(n), None][: n % 3]),
    "their_struct": (place, lambda n: {"city": None if n % 2 else "x", "at": None if n % 3 else {"lat": n / 4}}),
    "their_map": (MapType(5, IntegerType(), 6, place, False), lambda n: [(k, None if k else {"city": "y", "at": None}) for k in range(n % 3)]),
    "their_lists": (ListType(7, ListType(8, DateType(), False), False), lambda n: [[datetime.date(2024, 1, n + 1), None], [], None][: n % 4]),
}


def plain(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return [[plain(k), plain(v)] for k, v in value.items()]
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)


if doing == "add":
    with table.update_schema() as update:
        for column, (type, _) in columns.items():
            update.add_column(column, type)
    schema = table.schema().as_arrow()
    rows = []
    for n, row in enumerate(json.load(sys.stdin)):
        # One row has none of them.
        own = {} if n == 0 else {column: make(n) for column, (_, make) in columns.items()}
        times = {"event_time": datetime.datetime(2023, 7, 11), "timestamp": "then", "source_offset": n}
        rows.append({**dict.fromkeys(schema.names), **times, **row, **own})
    table.append(pa.Table.from_pylist(rows, schema=schema))
else:
    read = table.scan(selected_fields=("decision_id", *columns)).to_arrow().to_pylist()
    # PyIceberg gives maps that are null as empty ones, where a file has the column at all.
    for row in read:
        row["their_map"] = row["their_map"] or None
    print(json.dumps({row["decision_id"]: [plain(row[column]) for column in columns] for row in read}))
