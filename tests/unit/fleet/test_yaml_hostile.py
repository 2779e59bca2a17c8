"""Text made to crash, hang or fill memory is refused soon, with its place."""

from __future__ import annotations

import time

import pytest

from reconciler.fleet.yaml_places import MAX_DEPTH
from reconciler.fleet.yaml_reader import read

ALIAS_BOMB = b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + level, 98 + level, b", ".join([b"*%c" % (97 + level)] * 9)) for level in range(9)
)
MERGE_CHAIN = b"m0: &m0 {k0: 1}\n" + b"".join(
    b"m%d: &m%d {<<: *m%d, k%d: 1}\n" % (n, n, n - 1, n) for n in range(1, 4000)
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"[" * 100_000, "yaml.too-deep"),
        (b"{a: " * 100_000, "yaml.too-deep"),
        (b"- " * 50_000, "yaml.too-deep"),
        (ALIAS_BOMB, "yaml.too-large"),
        (MERGE_CHAIN, "yaml.too-large"),
        (b"- a\n" * 300_000, "yaml.too-large"),
        (b"---\na\n" * 300_000, "yaml.too-large"),
        (b"a: &a [*a]\n", "yaml.alias"),
        (b"a: *nothing\n", "yaml.alias"),
        (b"a: [1\n", "yaml.syntax"),
        (b"a: \x00\n", "yaml.syntax"),
        (b"a:\n\tb: 1\n", "yaml.syntax"),
        (b"\xff\xfea\x00", "yaml.encoding"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_hostile_text_is_refused_within_a_second(text, code):
    begun = time.process_time()
    source = read(text, "x.yaml")

    assert [problem.code for problem in source.problems] == [code]
    assert time.process_time() - begun < 10, "what explodes takes minutes"


def test_depth_up_to_the_cap_is_read():
    source = read(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, "x.yaml")

    assert source.problems == ()


def test_documents_before_an_error_are_kept():
    source = read(b"a: 1\n---\nb: [\n", "x.yaml")

    assert [document.value for document in source.documents] == [{"a": 1}]
    assert source.problems[0].line == 4


def test_a_tag_never_makes_anything_but_json():
    [document] = read(b"a: !!python/object/apply:os.system [id]\nb: !custom 1\n", "x.yaml").documents

    assert document.value == {"a": ["id"], "b": "1"}
    assert [problem.code for problem in document.problems] == ["yaml.tag", "yaml.tag"]


def test_each_duplicate_key_is_told_with_its_pointer():
    [document] = read(b"a: 1\nb: {c: 1, c: 2}\nd: [{e: 1, e: 1}]\n", "x.yaml").documents

    assert [(problem.code, problem.pointer) for problem in document.problems] == [
        ("yaml.duplicate-key", "/b/c"),
        ("yaml.duplicate-key", "/d/0/e"),
    ]
