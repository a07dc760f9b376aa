"""The arguments that a tool runs with: after defaults, and after its types have read them.

A rule on `format` must see `full` where the schema says `default: "full"` and the caller said
nothing. So the guard reads arguments as the tool will, asks about what came out, and hands exactly
that to the tool. Where reading them again would come to something else, nothing is permitted: the
tool could run with what was not asked about.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any

from .model import Reason
from .principal import Unasked

MAX_DEPTH = 64
"""How deep arguments may be nested."""


def with_defaults(schema: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns arguments with the defaults of a JSON Schema: all that is known of some tools."""
    return _filled(schema, schema, arguments, 0)


def _filled(root: Any, schema: Any, found: Mapping[str, Any], depth: int) -> dict[str, Any]:
    filled = dict(found)
    schema = _resolved(root, schema)
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if depth > MAX_DEPTH or not isinstance(properties, Mapping):
        return filled
    for name, inner in properties.items():
        inner = _resolved(root, inner)
        if not isinstance(inner, Mapping):
            continue
        if name not in filled and "default" in inner:
            filled[name] = inner["default"]
        if isinstance(filled.get(name), Mapping):
            filled[name] = _filled(root, inner, filled[name], depth + 1)
    return filled


def _resolved(root: Any, schema: Any) -> Any:
    for _ in range(MAX_DEPTH):
        ref = schema.get("$ref") if isinstance(schema, Mapping) else None
        if not isinstance(ref, str):
            return schema
        target: Any = root
        if not ref.startswith("#/"):
            return schema
        for step in ref[2:].split("/"):
            step = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, Mapping) or step not in target:
                return schema
            target = target[step]
        schema = (
            {**target, **{k: v for k, v in schema.items() if k != "$ref"}}
            if isinstance(target, Mapping)
            else schema
        )
    return schema


def as_json(value: Any, depth: int = 0) -> Any:
    """Returns a Python value as JSON says it; a ``Decimal`` is a number if that keeps it exactly.

    Raises ``ValueError`` for what JSON cannot say.
    """
    if depth > MAX_DEPTH:
        raise ValueError("arguments are nested too deep")
    if value is None or isinstance(value, (bool, str)) and not isinstance(value, Enum):
        return value
    if isinstance(value, Enum):
        return as_json(value.value, depth + 1)
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, Mapping):
        return {str(as_json(k, depth + 1)): as_json(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_json(item, depth + 1) for item in value]
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return as_json(dump(by_alias=True), depth + 1)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {f.name: as_json(getattr(value, f.name), depth + 1) for f in fields}
    from pydantic_core import to_jsonable_python  # whoever has such values has pydantic

    return to_jsonable_python(value)


def _number(value: Decimal) -> Any:
    if not value.is_finite():
        raise ValueError(f"`{value}` is no number of JSON")
    if value == value.to_integral_value():
        return int(value)
    near = float(value)
    return near if Decimal(repr(near)) == value else str(value)


def settled(
    read: Callable[[dict[str, Any]], Mapping[str, Any]], arguments: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Reads arguments as a tool does: what to ask about, and what to hand to the tool.

    ``read`` returns the values that the tool would run with, and raises what it raises where the
    arguments are wrong. What is handed on are the arguments as they came, with the defaults, if
    reading them comes to the same values again, and else the values. Raises ``Unasked`` if those
    are read otherwise as well.
    """
    values = dict(read(dict(arguments)))
    try:
        asked = {name: as_json(value) for name, value in values.items()}
    except Exception as error:
        raise _unstable("The arguments cannot be written as JSON.") from error
    defaults = {name: value for name, value in values.items() if name not in arguments}
    for handed in ({**arguments, **defaults}, values):
        try:
            again = read(dict(handed))
        except Exception:
            continue
        if _same(dict(again), values):
            return asked, dict(handed)
    raise _unstable("The tool reads its own arguments otherwise when it reads them again.")


def _same(one: Any, other: Any) -> bool:
    """Returns whether two values are the same; ``True`` is not ``1``."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _unstable(message: str) -> Unasked:
    return Unasked(Reason("arguments_unstable", message, "none"))
