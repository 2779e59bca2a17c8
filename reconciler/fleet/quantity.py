"""Kubernetes quantities as numbers (source: apimachinery, resource.Quantity)."""

from __future__ import annotations

import re
from decimal import Decimal

from reconciler.remembered import remembered

_QUANTITY = re.compile(
    r"([+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18}))([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,2})?"
)
_POWERS = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def quantity(value: object) -> Decimal | None:
    """Give the number that a quantity stands for, or None where it is none."""
    return _amount(str(value)) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None


@remembered
def _amount(text: str) -> Decimal | None:
    found = _QUANTITY.fullmatch(text)
    if found is None:
        return None
    number, suffix = Decimal(found[1]), found[2] or ""
    if suffix.endswith("i"):
        return number * Decimal(1024) ** ("KMGTPE".index(suffix[0]) + 1)
    if suffix in _POWERS:
        return number.scaleb(_POWERS[suffix])
    return number.scaleb(int(suffix[1:])) if suffix else number
