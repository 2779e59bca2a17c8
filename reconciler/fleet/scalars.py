"""What a plain YAML scalar means to Kubernetes (source: sigs.k8s.io/yaml, which reads YAML 1.1 without base-60 numbers).

`yes`, `on` and `y` are true, `010` is eight, a date stays text. Reading them as kubectl does means that a manifest says
the same to both.
"""

from __future__ import annotations

import re

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_INTEGER = re.compile(r"([-+]?)(?:(0[xX])([0-9a-fA-F]+)|(0[bB])([01]+)|(0[oO]?)([0-7]+)|(0|[1-9][0-9]*))")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_STARTS_NUMBER = frozenset("+-.0123456789")
#: Longer plain scalars are no numbers that JSON could hold: they are refused before they are converted.
_LONGEST_NUMBER = 64
#: What Kubernetes holds: int64, and uint64 above it.
SMALLEST, LARGEST = -(2**63), 2**64 - 1
#: Go writes whole floats below this without an exponent, as JSON integers.
_LARGEST_WHOLE_FLOAT = 1e21


class NumberError(ValueError):
    """A number that JSON or Kubernetes can't hold: not finite, or outside 64 bits."""


def resolve(text: str) -> str | bool | int | float | None:
    """Give the value of a plain scalar. Raises NumberError for numbers that can't be kept."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _STARTS_NUMBER:
        return text
    return _number(text)


def _number(text: str) -> str | int | float:
    if _NOT_FINITE.fullmatch(text):
        raise NumberError(f"{text} is not a number that JSON can hold")
    plain = text if text[0] == "." else text.replace("_", "")
    whole = _INTEGER.fullmatch(plain)
    if whole is not None:
        if len(plain) > _LONGEST_NUMBER or not SMALLEST <= (number := _integer(whole)) <= LARGEST:
            raise NumberError("the number does not fit in 64 bits")
        return number
    if _FLOAT.fullmatch(plain) is None:
        return text
    if len(plain) > _LONGEST_NUMBER:
        raise NumberError("the number has more digits than can be kept")
    value = float(plain)
    if value in {float("inf"), float("-inf")}:
        return text
    return int(value) if value.is_integer() and abs(value) < _LARGEST_WHOLE_FLOAT else value


def _integer(found: re.Match[str]) -> int:
    sign, _, hexadecimal, _, binary, _, octal, decimal = found.groups()
    if hexadecimal is not None:
        size = int(hexadecimal, 16)
    elif binary is not None:
        size = int(binary, 2)
    elif octal is not None:
        size = int(octal, 8)
    else:
        size = int(decimal)
    return -size if sign == "-" else size
