"""Changes to texts and values, all drawn from one source of chance: the same seed gives the same input."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from typing import Any

Chance = random.Random
_TOKEN = re.compile(rb"[A-Za-z0-9_]+|[ \t]+|\r?\n|[^A-Za-z0-9_ \t\r\n]")
#: What readers of text stumble over: ends of lines, marks of encodings, numbers beyond any type, what opens and never closes.
PIECES: tuple[bytes, ...] = (
    b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1b[31m", b"\r", b"\r\n", b"\t", b"\x7f", b"\xc2\x85", "\u2028".encode(), "\u202e".encode(),
    b"\xed\xa0\x80", "\U0001f980".encode(), b"'", b'"', b"'''", b'"""', b"\\", b"\\u0000", b"\\ud800", b"\\x", b"\\U0010ffff", b"0", b"-0", b"-1", b"1e999",
    b"9" * 30, b"9" * 5000, b"0x" + b"f" * 40, b"0o777", b"1_000", b"nan", b"inf", b".inf", b"-.5e3", b"1:30", b"2026-01-01T00:00:00Z", b"null", b"~", b"true",
    b"yes", b"N", b"[", b"]", b"{", b"}", b"(", b")", b"[[", b"]]", b"{{", b"}}", b"{{ a }}", b"${", b"${cluster.domain}", b"$${", b",", b":", b": ", b"- ", b"? ",
    b"|\n", b">-\n", b"&a ", b"*a", b"<<: ", b"<<: *a", b"!!int ", b"!x ", b"%YAML 9.9\n", b"---\n", b"...\n", b"#", b"# ", b"=", b"= ", b".", b"..", b"../", b"/",
    b"//", b"*", b"**", b"?", b"[!", b"[a-z]", b"@", b"@sha256:", b"sha256:" + b"a" * 64, b"\n", b"\n\n", b" ", b"    ", b"a", b"A", b"-", b"_", b"$ref", b"#/$defs/a",
    b"file:///etc/passwd", b"apiVersion: v1\nkind: List\nitems:\n", b"sops", b"*://*:*", b"https://", b"[::1]", b"127.0.0.1/8", b"10m", b"1.5Gi", b"25%",
    b">=1, <2", b"-----BEGIN PUBLIC KEY-----", b"ssh-ed25519 AAAA", b"(a+)+$", b"^(([a-z])+.)+$",
)  # fmt: skip
_PAIRS = ((b"[", b"]"), (b"{a: ", b"}"), (b"{a=", b"}"), (b'{"a":', b"}"), (b"- ", b""), (b"(", b")"), (b"{{", b"}}"), (b"a.", b"b"), (b"? ", b""), (b"[[a]]\n", b""))  # fmt: skip
_WEIRD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**40, 0.5, 1e308, "", " ", "a", "A", "é", "\x00", "\n", "a" * 300, "-", "..", "../x", "/", "${cluster.x}",
    "${", "{{ a }}", "10m", "1e999", "99999999999Gi", "1h1h", "0", "*", "**", "[", "^(a+)+$", "2026-01-01", "https://x", "<<", "$ref", [], {}, [[]], [None], [{}], {"": ""},
    {"a": None}, {"$ref": "#"}, {"$ref": "file:///etc/passwd"}, {"type": "object"}, {"type": ["string"]}, {"matchLabels": None}, {"names": "x"}, {"secretKeyRef": {}},
    {"x-kubernetes-int-or-string": True}, {"x-kubernetes-preserve-unknown-fields": True},
)  # fmt: skip


def changed_text(seed: bytes, others: Sequence[bytes], chance: Chance, most: int) -> bytes:
    """Give a seed after one to six changes to its bytes, tokens or lines; never more than `most` bytes."""
    data = seed
    for _ in range(chance.choice((1, 1, 1, 2, 3, 6))):
        data = chance.choice(_TEXT_CHANGES)(data, others, chance)[:most]
    return grown(data, chance, most) if chance.random() < 0.06 else data


def grown(data: bytes, chance: Chance, most: int) -> bytes:
    """Repeat or nest one part of a text up to a size drawn between ten bytes and the most."""
    room = int(10 ** chance.uniform(1, len(str(most))))
    room = min(room, most - len(data))
    at, end = _span(data, chance)
    if chance.random() < 0.4:
        opened, closed = chance.choice(_PAIRS)
        count = max(1, room // (len(opened) + len(closed)))
        middle = opened * count + data[at:end] + (closed * count if chance.random() < 0.7 else b"")
    else:
        piece = data[at:end] if chance.random() < 0.6 else b"".join(chance.choices(PIECES, k=chance.choice((1, 2, 3))))
        piece = piece or b"a"
        middle = (
            b"".join(piece + b"%d" % number for number in range(room // (len(piece) + 5) + 1))
            if chance.random() < 0.3
            else piece * (room // len(piece) + 1)
        )
    return (data[:at] + middle + data[end:])[:most]


def changed_values(seed: Any, others: Sequence[Any], chance: Chance, most: int) -> bytes:
    """Give a document of JSON values after one to four changes, as JSON text (which is YAML too)."""
    value = _copied(seed)
    for _ in range(chance.choice((1, 1, 2, 4))):
        value = _put(value, others, chance)
    if chance.random() < 0.06:
        value = _widened(value, chance, most)
    # A change may put many copies of a document into itself.
    return json.dumps(value, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")[:most]


def _span(data: bytes, chance: Chance) -> tuple[int, int]:
    """Give a part of a text: some bytes, a token, or some lines."""
    at = chance.randrange(len(data) + 1)
    kind = chance.random()
    if kind < 0.4:
        return at, min(len(data), at + chance.choice((1, 2, 4, 16, 64)))
    if kind < 0.7:
        found = _TOKEN.search(data, at)
        return found.span() if found else (at, at)
    start = data.rfind(b"\n", 0, at) + 1
    end = start
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        end = (data.find(b"\n", end) + 1) or len(data)
    return start, end


def _replace(data: bytes, _: Sequence[bytes], chance: Chance) -> bytes:
    at, end = _span(data, chance)
    return data[:at] + chance.choice(PIECES) + data[end:]


def _insert(data: bytes, _: Sequence[bytes], chance: Chance) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(PIECES) + data[at:]


def _byte(data: bytes, _: Sequence[bytes], chance: Chance) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + bytes([chance.randrange(256)]) + data[at + 1 :]


def _remove(data: bytes, _: Sequence[bytes], chance: Chance) -> bytes:
    at, end = _span(data, chance)
    return data[:at] + data[end:]


def _repeat(data: bytes, _: Sequence[bytes], chance: Chance) -> bytes:
    at, end = _span(data, chance)
    return data[:end] + data[at:end] * chance.choice((1, 1, 2, 9)) + data[end:]


def _move(data: bytes, _: Sequence[bytes], chance: Chance) -> bytes:
    at, end = _span(data, chance)
    rest = data[:at] + data[end:]
    to = chance.randrange(len(rest) + 1)
    return rest[:to] + data[at:end] + rest[to:]


def _truncate(data: bytes, _: Sequence[bytes], chance: Chance) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _splice(data: bytes, others: Sequence[bytes], chance: Chance) -> bytes:
    other = chance.choice(others)
    at, end = _span(other, chance)
    here, there = _span(data, chance)
    return data[:here] + other[at:end] + data[there:]


def _indent(data: bytes, _: Sequence[bytes], chance: Chance) -> bytes:
    at, end = _span(data, chance)
    return data[:at] + data[at:end].replace(b"\n", b"\n" + chance.choice((b" ", b"  ", b"\t", b"\r"))) + data[end:]


_TEXT_CHANGES = (
    _replace,
    _replace,
    _insert,
    _insert,
    _byte,
    _remove,
    _repeat,
    _move,
    _truncate,
    _splice,
    _splice,
    _indent,
)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found, waiting = [], [(path, value)]
    while waiting:
        at, each = waiting.pop()
        found.append(at)
        if isinstance(each, dict):
            waiting += [((*at, key), below) for key, below in each.items()]
        elif isinstance(each, list):
            waiting += [((*at, index), below) for index, below in enumerate(each)]
    return found


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _copied(value: Any) -> Any:
    """Give a value of its own, as JSON has it."""
    return json.loads(json.dumps(value, default=str))


def _put(value: Any, others: Sequence[Any], chance: Chance) -> Any:
    """Change one place: another value, none, a copy, a field from elsewhere."""
    path = chance.choice(_places(value))
    here = _at(value, path)
    kind = chance.random()
    if kind < 0.25 and isinstance(here, dict):
        other = chance.choice(others)
        name = _name(other, chance)
        here[name] = _copied(chance.choice((*_WEIRD, _at(other, chance.choice(_places(other))))))
        return value
    if kind < 0.35 and isinstance(here, list) and here:
        here.append(_copied(chance.choice(here)))
        return value
    new = chance.choice(_WEIRD)
    if kind < 0.45:
        new = [here]
    elif kind < 0.55:
        new = {_name(value, chance): here}
    elif kind < 0.65:
        other = chance.choice(others)
        new = _at(other, chance.choice(_places(other)))
    if not path:
        return _copied(new) if kind < 0.5 else value
    above = _at(value, path[:-1])
    if kind > 0.9:
        del above[path[-1]]
    else:
        above[path[-1]] = _copied(new)
    return value


def _name(value: Any, chance: Chance) -> str:
    names = [str(path[-1]) for path in _places(value) if path]
    return chance.choice(names) if names and chance.random() < 0.8 else chance.choice(("", "a", "é", "a/b", "~1", "$ref", "a" * 300, "<<", "sops", "\n"))  # fmt: skip


def _widened(value: Any, chance: Chance, most: int) -> Any:
    """Make one place wide, long or deep, to about a size drawn up to the most."""
    path = chance.choice(_places(value))
    here = _at(value, path)
    room = min(most, int(10 ** chance.uniform(1, len(str(most)))))
    size = len(json.dumps(here)) + 4
    count = room // size + 1
    kind = chance.randrange(4)
    new: Any = "a" * room
    if kind == 0:
        new = [here] * count
    elif kind == 1:
        new = {f"a{number}": here for number in range(count)}
    elif kind == 2:
        new = here
        for _ in range(min(count, 400)):
            new = chance.choice(([new], {"properties": {"a": new}}, {"a": new}, {"items": new}, {"allOf": [new]}))
    if not path:
        return new
    _at(value, path[:-1])[path[-1]] = new
    return value
