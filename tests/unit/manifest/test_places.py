from __future__ import annotations

import re
from pathlib import Path

import pytest

from reconciler.manifest import parse, toml_places
from reconciler.manifest.toml_places import Scan
from reconciler.manifest.toml_text import read

_TEXT = """\
a = 1
"b c" = { d = [1, { e = 2 }], f.g = '''x
]}''' } # } comment
[h.i]
j = [
  "k", # ]
  "\\"]",
]
[[l]]
m = 1
[[l]]
m = 2
[l.n]
o = 3
"""


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("/a", (1, 1)),
        ("/b c", (2, 1)),
        ("/b c/d/1/e", (2, 21)),
        ("/b c/f/g", (2, 33)),
        ("/h/i", (4, 1)),
        ("/h/i/j/0", (6, 3)),
        ("/h/i/j/1", (7, 3)),
        ("/l/0/m", (10, 1)),
        ("/l/1", (11, 1)),
        ("/l/1/m", (12, 1)),
        ("/l/1/n/o", (14, 1)),
        ("/l/1/n/o/missing", (14, 1)),
    ],
)
def test_every_key_has_its_line_and_column(pointer: str, place: tuple[int, int]) -> None:
    assert read(_TEXT.encode(), "spin.toml").place(pointer) == place


def test_lines_are_the_same_with_crlf_and_a_byte_order_mark() -> None:
    plain = read(_TEXT.encode(), "spin.toml")
    other = read(b"\xef\xbb\xbf" + _TEXT.replace("\n", "\r\n").encode(), "spin.toml")
    assert other.places == plain.places


def test_text_that_is_not_utf_8_is_refused_with_its_line() -> None:
    problems = parse(b"a = 1\nb = '\xff'\n", "spin.toml").problems
    assert [(each.code, each.line) for each in problems] == [("spin.parse.toml", 2)]


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = (
        'spin_manifest_version = 2\n[application]\nnam = "x"\n[variables]\nA = {}\n'
        '[[trigger.http]]\nroute = "/"\ncomponent = "b"\n[component.a]\nsorce = "a"\nallowed_outbound_hosts = ["x"]\n'
    )
    problems = parse(text.encode(), "spin.toml").problems
    assert [(each.line, each.code) for each in problems] == [
        (2, "spin.parse.missing-field"),
        (3, "spin.parse.unknown-field"),
        (5, "spin.load.variable"),
        (5, "spin.parse.id"),
        (8, "spin.run.component"),
        (9, "spin.parse.missing-field"),
        (10, "spin.parse.unknown-field"),
        (11, "spin.load.host"),
    ]
    hints = {each.line: each.hint for each in problems if each.code == "spin.parse.unknown-field"}
    assert hints == {3: "did you mean 'name'?", 10: "did you mean 'source'?"}


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a = 1\nb = [\n 2\n]\na = [\n 3\n]\n", (5, 1), "duplicate key 'a'"),
        ("[a]\nb = 1\n[c]\n[a]\n", (4, 1), "duplicate key 'a'"),
        ("a = {b = 1, c = 2, b = 3}", (1, 20), "duplicate key 'b'"),
        ("[a]\nb = 1\n[a.b]\n", (3, 1), "duplicate key 'a.b'"),
        ("a = 1\na.b = 2\n", (2, 3), "duplicate key 'b'"),
        ("a = {b = 1}\na.c = 2\n", (2, 3), "'c' adds to a table or list that was written whole"),
        ("[a.b.c]\nd = 1\n[a]\nb.e = 2\n", (4, 3), "duplicate key 'e': its table has a header above"),
        ("a = 1\nb = '''\nc = 2\n", (3, 6), "not valid TOML: Expected \"'''\" at the end of the file"),
        ("a = foo\n", (1, 5), "not valid TOML: Invalid value"),
        ("a = " + "9" * 5000, (1, 5005), "a number beyond 64 bits"),
    ],
)
def test_what_is_wrong_with_a_text_is_told_at_its_key_with_what_to_do(
    text: str, place: tuple[int, int], message: str
) -> None:
    (problem,) = read(text.encode(), "spin.toml").problems
    assert ((problem.line, problem.column), problem.message) == (place, message)
    assert problem.code == "spin.parse.toml"
    assert problem.hint


@pytest.mark.parametrize("ending", ["\n", "\r\n", "  # a note\n"])
def test_plain_lines_read_at_once_stand_where_a_walk_finds_them(monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    examples = sorted((Path(__file__).parents[2] / "schemas").glob("spin-v*/valid/*.toml"))
    texts = [each.read_text(encoding="utf-8").replace("\n", ending) for each in examples]
    at_once = [Scan(text).places() for text in texts]
    monkeypatch.setattr(toml_places, "_LINE", re.compile(r"(?!)"))
    assert [Scan(text).places() for text in texts] == at_once
    assert sum(map(len, at_once)) > 300


def _walked(text: str) -> dict[str, int]:
    return {pointer: line for pointer, (line, _) in Scan(text).places().items()}


def test_the_lines_of_tables_are_those_that_a_walk_finds() -> None:
    examples = sorted((Path(__file__).parents[2] / "schemas").glob("spin-v*/valid/*.toml"))
    quick = 0
    for text in (each.read_text(encoding="utf-8") for each in examples):
        walked, read_text = _walked(text), read(text.encode(), "spin.toml")
        quick += bool(read_text._headers)
        assert {pointer: read_text.line(pointer) for pointer in walked} == walked
    assert quick > len(examples) / 2


@pytest.mark.parametrize(
    "text",
    [
        '[component.a.variables]\nx = "1"\n[component.a]\nb = 1\n',
        "[[ trigger.http ]]\na = 1\n[[trigger.http]]\na = 2\n",
        '[["trigger".http]]\na = 1\n[[trigger.http]]\na = 2\n',
        'a = """\n[component.b]\n"""\n[component.b]\nc = 1\n',
        "component.b.source = 1\n[component.c]\nd = 1\n",
        "component = { b = { c = 1 } }\n[trigger]\nhttp = [{ a = 1 }]\n",
        "[[a.b]]\n[a.b.c]\n[[a.b]]\n[a.b.c]\n[[a.b.d]]\n[[a.b.d]]\n",
        "a = [\n[1],\n[[2]]\n]\n[b]\r\nc = 1\r\n",
    ],
)
def test_a_table_that_is_not_written_plainly_has_its_line_as_well(text: str) -> None:
    found, walked = read(text.encode(), "spin.toml"), _walked(text)
    assert {pointer: found.line(pointer) for pointer in walked} == walked


@pytest.mark.parametrize("key", ["b.e", '"b".e', r'"\u0062".e', r'"b\"".e', "b . e", "'b'.e"])
def test_a_dotted_key_is_seen_however_it_is_written(key: str) -> None:
    header = key.partition(".")[0].strip()
    text = f"[a.{header}.c]\nd = 1\n[a]\n{key} = 2\n"
    assert [each.code for each in read(text.encode(), "spin.toml").problems] == ["spin.parse.toml"]
