"""Whatever the bytes, the walk ends with findings or a refusal, in time and memory that the bytes' number bounds."""

from __future__ import annotations

import random
import zlib

from hypothesis import given
from hypothesis import strategies as st

from reconciler.artifact.archive_walk import walk_archive
from reconciler.artifact.wasm_walk import MOST_NAMES, MOST_SECTIONS, Found, Refused, walk
from tests.artifacts.hostile import COMPONENT, MODULE, component_with, leb, name, nested, section
from tests.unit.artifact.making import BUSY

SECTIONS = st.builds(section, st.integers(0, 14), st.binary(max_size=60))
SHAPED = st.builds(
    lambda head, parts: head + b"".join(parts), st.sampled_from([MODULE, COMPONENT]), st.lists(SECTIONS, max_size=8)
)
NESTED = st.recursive(
    SHAPED,
    lambda inner: st.builds(lambda kind, data: COMPONENT + section(kind, data), st.sampled_from([1, 4]), inner),
    max_leaves=6,
)
SEEDS = [
    component_with([name("wasi:io/poll@0.2.0")], [name("wasi:cli/run@0.2.0")]),
    nested(5),
    MODULE + section(2, leb(1) + b"\x01a\x01b\x00\x00"),
]


def walked(data: bytes) -> Found | None:
    found = Found()
    try:
        walk(memoryview(data), found)
    except Refused:
        return None
    assert found.sections <= MOST_SECTIONS
    assert len(found.imports) <= MOST_NAMES
    return found


@BUSY
@given(st.binary(max_size=400))
def test_no_bytes_crash_the_walk(data: bytes) -> None:
    walked(data)


@BUSY
@given(NESTED)
def test_no_sections_crash_the_walk(data: bytes) -> None:
    walked(data)


@BUSY
@given(st.sampled_from(SEEDS), st.integers(0, 2**32), st.integers(1, 6))
def test_no_change_to_a_whole_binary_crashes_the_walk(seed: bytes, chance: int, changes: int) -> None:
    made, order = bytearray(seed), random.Random(chance)  # noqa: S311 - no secret
    for _ in range(changes):
        made[order.randrange(len(made))] = order.randrange(256)
    walked(bytes(made))


@BUSY
@given(st.sampled_from(SEEDS), st.data())
def test_no_truncation_is_taken_for_the_whole(seed: bytes, data: st.DataObject) -> None:
    found = walked(seed[: data.draw(st.integers(0, len(seed) - 1))])
    whole = walked(seed)
    assert whole is not None
    assert found is None or found.sections < whole.sections


@BUSY
@given(st.binary(max_size=2_000), st.booleans())
def test_no_bytes_crash_the_walk_over_an_archive(data: bytes, packed: bool) -> None:
    packer = zlib.compressobj(wbits=31)
    raw = memoryview(packer.compress(data) + packer.flush() if packed else data)
    at = 0

    def read(count: int) -> bytes:
        nonlocal at
        at += count
        return bytes(raw[at - count : at])

    try:
        walk_archive(read)
    except Refused:
        return
