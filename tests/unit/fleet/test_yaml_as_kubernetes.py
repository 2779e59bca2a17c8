"""Plain scalars mean what sigs.k8s.io/yaml, and so kubectl, makes of them."""

from __future__ import annotations

import pytest

from reconciler.fleet.yaml_reader import read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("yes", True), ("On", True), ("y", True), ("no", False), ("OFF", False), ("n", False), ("yEs", "yEs"),
        ("~", None), ("null", None), ("", None), ("NULL", None),
        ("010", 8), ("0o17", 15), ("0x1F", 31), ("0b11", 3), ("-0b11", -3), ("+7", 7), ("1_000", 1000), ("08", 8),
        ("12:30:45", "12:30:45"), ("2001-01-01", "2001-01-01"), ("1.2.3", "1.2.3"),
        ("1e3", 1000), (".5", 0.5), ("1.", 1), ("-1.5", -1.5), ("1e999", "1e999"),
        ('"yes"', "yes"), ("'010'", "010"), ("!!str 5", "5"), ("18446744073709551615", 2**64 - 1),
    ],
)  # fmt: skip
def test_a_plain_scalar_is_read_as_kubectl_reads_it(text, value):
    [document] = read(f"a: {text}\n".encode(), "x.yaml").documents

    assert document.value == {"a": value}
    assert type(document.value["a"]) is type(value)
    assert document.problems == ()


@pytest.mark.parametrize("text", ["18446744073709551616", "-9223372036854775809", "9" * 5000, ".inf", "-.Inf", ".NaN"])
def test_a_number_that_json_cannot_hold_is_a_problem_of_its_document(text):
    [document] = read(f"a: {text}\n".encode(), "x.yaml").documents

    assert [problem.code for problem in document.problems] == ["yaml.number"]
    assert document.problems[0].pointer == "/a"


def test_keys_become_text_as_in_json():
    [document] = read(b"1: a\non: b\nnull_: c\n1.5: d\n", "x.yaml").documents

    assert document.value == {"1": "a", "true": "b", "null_": "c", "1.5": "d"}


def test_merge_keys_give_way_to_written_keys_and_the_first_source_wins():
    text = b"x: &x {a: 1, b: 2}\nz: &z {b: 8, c: 9}\nv: {<<: [*x, *z], a: 3}\n"
    [document] = read(text, "x.yaml").documents

    assert document.value["v"] == {"a": 3, "b": 2, "c": 9}


def test_empty_documents_are_left_out_and_lines_count_from_one():
    documents = read(b"---\n---\na: 1\n---\n# nothing\n---\nb: 2\n", "x.yaml").documents

    assert [(document.value, document.line) for document in documents] == [({"a": 1}, 3), ({"b": 2}, 7)]


@pytest.mark.parametrize("text", [b"\xef\xbb\xbfa: 1\n", b"a: 1\r\nb: 2\r\n"])
def test_a_byte_order_mark_and_windows_lines_are_read(text):
    source = read(text, "x.yaml")

    assert source.problems == ()
    assert source.documents[0].value["a"] == 1
