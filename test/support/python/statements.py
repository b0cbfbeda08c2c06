"""The loop of a script that carries out one request after another: lines of JSON come in, and one goes out for each.

A request that fails is answered with {"error": text}, and the next one is taken.
"""

import json
import os
import sys


def serve(answer):
    # What libraries print must not stand among the answers.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            result = answer(json.loads(line))
        except Exception as error:  # noqa: BLE001 - the answer says what it was
            result = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(result), file=out, flush=True)
