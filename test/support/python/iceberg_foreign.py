"""Adds columns of every type of Iceberg v2, their_*, to a table of the Glue catalog with PyIceberg, and appends a row for each of standard input.

Arguments: database, table. A row is given as {"ymd", "decision_id", "subject", "source_uri"}.
"""

import datetime
import decimal
import json
import sys
import uuid

import pyarrow as pa
from glue import glue_catalog
from pyiceberg.types import (
    BinaryType, BooleanType, DateType, DecimalType, DoubleType, FixedType, FloatType, IntegerType, ListType, LongType, MapType,
    NestedField, StringType, StructType, TimestampType, TimestamptzType, TimeType, UUIDType,
)

database, name = sys.argv[1:3]
table = glue_catalog().load_table(f"{database}.{name}")

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
