"""What a reader finds in X.parquet, compared with X.json.

The JSON of values is that of test/parquet/cases.ts, toJson.
"""

import datetime
import json
import struct

EPOCH = datetime.datetime(1970, 1, 1)
MICROSECOND = datetime.timedelta(microseconds=1)


def to_json(value, kind):
    if value is None:
        return None
    if kind == "long":
        return str(value)
    if kind == "timestamp":
        return str((value - EPOCH) // MICROSECOND)
    if kind == "double":
        return "nan" if value != value else struct.pack(">d", value).hex()
    if isinstance(kind, str):
        return value
    if "list" in kind:
        return [to_json(item, kind["list"]) for item in value]
    return [[key, to_json(item, kind["map"]["value"])] for key, item in value]


def differences(path, read):
    """At most five, as text; `read(path, columns)` gives the values of each column."""
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    columns = expected["columns"]
    found = []
    try:
        for index, (column, values) in enumerate(zip(columns, read(path, columns), strict=True)):
            wanted = [row[index] for row in expected["rows"]]
            if len(values) != len(wanted):
                found.append(f"{column['name']}: {len(values)} rows, not {len(wanted)}")
                continue
            for row, (value, want) in enumerate(zip(values, wanted, strict=True)):
                got = to_json(value, column["type"])
                if got != want:
                    found.append(f"{column['name']} row {row}: {got!r:.200}, not {want!r:.200}")
                    if len(found) >= 5:
                        return found
    except Exception as error:  # noqa: BLE001 - whatever the reader throws is the finding
        found.append(f"{type(error).__name__}: {error}")
    return found
