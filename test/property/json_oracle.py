"""CPython's own verdict on JSON texts, one base64 line each: what docs/wire-contract.md calls the canonical text.

Answers a line for a line: `ok <base64 of the canonical text>`, or `no <reason>`. Beyond json.loads it refuses what the
contract refuses: duplicate names, NaN and Infinity, floats that overflow, more than 64 levels, invalid UTF-8.
"""

import base64
import json
import math
import sys


class Refused(ValueError):
    """The contract refuses what json.loads would take."""


def unique_names(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Refused("duplicate")
    return members


def refuse_constant(_text):
    raise Refused("constant")


def finite(text):
    value = float(text)
    if math.isinf(value):
        raise Refused("overflow")
    return value


def depth(value):
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(depth, value), default=0)
    return 0


def answer(line):
    try:
        text = base64.b64decode(line).decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=unique_names, parse_constant=refuse_constant, parse_float=finite
        )
        if depth(value) > 64:
            return "no deep"
        canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    except UnicodeDecodeError:
        return "no utf8"
    except RecursionError:
        return "no deep"
    except ValueError as error:
        return f"no {type(error).__name__}"
    return "ok " + base64.b64encode(canonical.encode("ascii")).decode("ascii")


for request in sys.stdin:
    print(answer(request))
