"""Formats of structural schemas that are looked at (source: kube-openapi's strfmt). Others are taken as they are."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

from reconciler.openapi.grammar import is_base64, is_time

_UUID = re.compile(r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}(.[0-9]+)?(z|[+-][0-9]{2}:[0-9]{2})")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _is_date_time(text: str) -> bool:
    """Tell whether a text is a day and a time; fractions and offsets are not looked at closely (source: strfmt, IsDateTime)."""
    day, found, time = text.lower().partition("t")
    return bool(found) and _is_date(day) and len(time) <= 100 and _TIME.fullmatch(time) is not None


def _is_date(text: str) -> bool:
    return _DATE.fullmatch(text) is not None and is_time(f"{text}T00:00:00Z")


def _address(kind: Callable[[str], Any]) -> Callable[[str], bool]:
    def is_address(text: str) -> bool:
        try:
            kind(text)
        except ValueError:
            return False
        return len(text) <= 100

    return is_address


_TEXTS: dict[str, tuple[Callable[[str], bool], str]] = {
    "byte": (is_base64, "base64"),
    "date": (_is_date, "a date"),
    "date-time": (_is_date_time, "a time, as in 2030-01-31T08:00:00Z"),
    "ipv4": (_address(ipaddress.IPv4Address), "an IPv4 address"),
    "ipv6": (_address(ipaddress.IPv6Address), "an IPv6 address"),
    "uuid": (lambda text: _UUID.fullmatch(text) is not None, "a UUID"),
}
_BOUNDS = {"int32": 2**31, "int64": 2**63}


def format_fault(name: str, value: Any) -> str:
    """Say what a value should be and is not; empty where it is fine or the format is not looked at."""
    if isinstance(value, str) and name in _TEXTS:
        fits, what = _TEXTS[name]
        return "" if fits(value) else what
    if type(value) is int and name in _BOUNDS and not -_BOUNDS[name] <= value < _BOUNDS[name]:
        return f"a number of {name.removeprefix('int')} bits"
    return ""
