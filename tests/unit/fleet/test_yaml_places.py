"""Where values stand: lines and columns count from 1."""

from __future__ import annotations

import pytest

from reconciler.fleet.yaml_reader import read

TEXT = b"""\
# a comment
a: 1
b:
  c: [x, {d: y}]
  "e/f~g": |
    text
on: {h: 1}
---
a:
- i: 2
  j: 3
"""


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("", (2, 1)), ("/a", (2, 1)), ("/b", (3, 1)), ("/b/c", (4, 3)), ("/b/c/0", (4, 7)), ("/b/c/1", (4, 10)),
        ("/b/c/1/d", (4, 11)), ("/b/e~1f~0g", (5, 3)), ("/true/h", (7, 6)),
    ],
)  # fmt: skip
def test_a_pointer_gives_the_place_of_its_key_or_item(pointer, place):
    assert read(TEXT, "x.yaml").documents[0].place(pointer) == place


def test_places_of_a_later_document_are_its_own():
    assert read(TEXT, "x.yaml").documents[1].place("/a/0/j") == (11, 3)


def test_what_is_not_written_has_the_place_of_what_it_would_stand_in():
    assert read(TEXT, "x.yaml").documents[0].place("/b/missing/deep") == (3, 1)
