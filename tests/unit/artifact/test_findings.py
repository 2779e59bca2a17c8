"""Findings are kept whole or not at all, within bounds; what is not exactly as written counts as absent."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.artifact.findings import Findings

DIGEST = "sha256:" + "a" * 64


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.finding"))


def everything(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_what_was_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    await Findings(tmp_path).put("wasm", DIGEST, "2", value={"kind": "component"})
    again = Findings(tmp_path)
    assert await again.get("wasm", DIGEST, "2") == {"kind": "component"}
    assert (again.hits["wasm"], again.misses["wasm"]) == (1, 0)


async def test_step_and_every_part_of_the_key_count(tmp_path: Path) -> None:
    found = Findings(tmp_path)
    await found.put("wasm", "a", "b", value={})
    for step, key in (
        ("world", ("a", "b")),
        ("wasm", ("a",)),
        ("wasm", ("a", "c")),
        ("wasm", ("ab",)),
        ("wasm", ("a", "b", "")),
    ):
        assert await found.get(step, *key) is None


async def test_a_finding_ends_with_its_time_and_with_a_clock_that_goes_back(tmp_path: Path) -> None:
    now = 1000.0
    found = Findings(tmp_path, clock=lambda: now)
    await found.put("signature", DIGEST, value={"signer": "release"}, lasts=60)
    for now, there in ((1000.0, True), (1059.0, True), (1060.0, False), (999.0, False), (1e12, False)):  # noqa: B007 - the clock reads it
        assert (await found.get("signature", DIGEST) is not None) is there


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: b"", lambda data: data[:-1], lambda data: data + b" ", lambda data: data[:70] + b"X" + data[71:],
        lambda data: b"0" * 64 + data[64:], lambda _: b"[" * 100_000, lambda _: b'{"kind":"component"}',
    ],
)  # fmt: skip
async def test_a_damaged_file_counts_as_absent(tmp_path: Path, damage: Any) -> None:
    await Findings(tmp_path).put("wasm", DIGEST, value={"kind": "component"})
    (path,) = files(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert await Findings(tmp_path).get("wasm", DIGEST) is None


async def test_a_file_under_another_name_counts_as_absent(tmp_path: Path) -> None:
    found = Findings(tmp_path)
    await found.put("wasm", "a", value={"kind": "component"})
    (good,) = files(tmp_path)
    await found.put("wasm", "b", value={"kind": "module"})
    (bad,) = (path for path in files(tmp_path) if path != good)
    bad.write_bytes(good.read_bytes())
    again = Findings(tmp_path)
    assert await again.get("wasm", "b") is None
    assert await again.get("wasm", "a") is not None


async def test_the_longest_unused_go_when_there_are_too_many(tmp_path: Path) -> None:
    for number in range(10):
        await Findings(tmp_path).put("wasm", str(number), value={})
        used = (number + 1) * 10_000
        os.utime(max(files(tmp_path), key=lambda path: path.stat().st_mtime), (used, used))
    found = Findings(tmp_path, most_files=5, in_memory=0, clock=lambda: 200_000.0)
    assert await found.get("wasm", "0") is not None  # used again: now the newest
    await found.put("wasm", "new", value={})
    there = [number for number in (*map(str, range(10)), "new") if await found.get("wasm", number) is not None]
    assert there == ["0", "7", "8", "9", "new"]


async def test_bytes_are_bounded_as_well(tmp_path: Path) -> None:
    found = Findings(tmp_path, most_bytes=10_000, in_memory=0)
    for number in range(20):
        await found.keep_blob(f"sha256:{number:064}", b"x" * 1000)
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 10_000
    assert await found.blob(f"sha256:{19:064}") == b"x" * 1000
    assert await found.blob(f"sha256:{0:064}") is None


async def test_memory_is_bounded(tmp_path: Path) -> None:
    found = Findings(tmp_path, in_memory=16_000)
    for number in range(100):
        await found.keep_blob(f"sha256:{number:064}", b"x" * 900)
    await found.keep_blob(DIGEST, b"x" * 5000)
    assert sum(map(len, found._held.values())) == found._held_bytes <= 16_000
    assert await found.blob(DIGEST) is not None


async def test_a_full_disk_costs_only_the_memory_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    found = Findings(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    await found.put("wasm", DIGEST, value={"kind": "component"})
    assert await found.get("wasm", DIGEST) == {"kind": "component"}
    assert everything(tmp_path) == []
    assert await Findings(tmp_path).get("wasm", DIGEST) is None


async def test_a_folder_that_can_not_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    found = Findings(tmp_path / "file" / "below")
    await found.put("wasm", DIGEST, value={})
    assert await found.get("wasm", DIGEST) == {}


async def test_what_a_crash_left_half_written_is_taken_away(tmp_path: Path) -> None:
    left = tmp_path / "abc.tmp"
    left.write_bytes(b"half")
    os.utime(left, (1, 1))
    young = tmp_path / "def.tmp"
    young.write_bytes(b"another agent's, under way")
    await Findings(tmp_path).put("wasm", DIGEST, value={})
    assert (left.exists(), young.exists()) == (False, True)


@given(st.binary(max_size=300))
def test_no_file_content_is_ever_taken_for_a_finding(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    found = Findings(tmp_path_factory.mktemp("findings"))
    found._store("a.finding", b"{}")
    (found.folder / "a.finding").write_bytes(data)
    assert found._load("a.finding") is None
