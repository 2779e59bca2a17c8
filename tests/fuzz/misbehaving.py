"""Parsers that do what none may: for the test that such are found."""

from __future__ import annotations

import ctypes
import hashlib
from typing import Any

from reconciler.errors import InputError
from tests.fuzz.model import Target

_KEPT: list[Any] = []


def _refuses(_: bytes) -> None:
    raise InputError("as it may")


def _raises(data: bytes) -> None:
    if data:
        raise KeyError("a")


def _loops(data: bytes) -> None:
    while data:
        pass


def _holds(data: bytes) -> None:
    if data:
        hashlib.pbkdf2_hmac("sha512", b"a", b"b", 10**9)


def _grows(data: bytes) -> None:
    if data:
        bytearray(300 * 1024 * 1024)


def _keeps(data: bytes) -> None:
    if data:
        _KEPT.append(b"x" * (30 * 1024 * 1024))


def _dies(data: bytes) -> None:
    if data:
        ctypes.string_at(0)


class _Late(Target):
    def warm(self) -> None:
        """Do nothing."""


TARGETS = {
    parse.__name__.strip("_"): _Late(room="none", parse=parse, seeds=lambda: [b"a" * 50], count=1)
    for parse in (_refuses, _raises, _loops, _holds, _grows, _keeps, _dies)
}
