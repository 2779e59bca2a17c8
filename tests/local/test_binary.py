"""Finding the control-plane binary: cached, named by KUBEBUILDER_ASSETS, or built; what is missing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.errors import InputError, UnavailableError
from reconciler.local import binary


@pytest.fixture
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return tmp_path


def test_a_cached_build_is_used(empty_cache: Path) -> None:
    target = binary.cached()
    target.parent.mkdir(parents=True)
    target.touch()
    assert empty_cache in target.parents
    assert binary.find_or_build().command("etcd") == [str(target), "etcd"]


def test_the_key_follows_what_is_built(empty_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy = tmp_path / "source"
    copy.mkdir()
    for name in ("go.mod", "go.sum", "main.go"):
        (copy / name).write_bytes((binary.SOURCE / name).read_bytes())
    before = binary.key()
    monkeypatch.setattr(binary, "SOURCE", copy)
    assert binary.key() == before
    (copy / "main.go").write_text("package main\n")
    assert binary.key() != before


def test_assets_are_used_where_they_are_named(
    empty_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    (tmp_path / "etcd").touch()
    components = binary.find_or_build()
    assert components.command("etcd") == [str(tmp_path / "etcd")]
    with pytest.raises(UnavailableError, match="has no registry"):
        components.command("registry")


def test_missing_go_is_said_with_what_to_do(empty_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="not on PATH") as raised:
        binary.find_or_build()
    assert "1.26" in raised.value.hint


def test_an_old_go_is_refused(empty_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "go"
    fake.write_text("#!/bin/sh\necho go1.22.1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"this is go1\.22\.1"):
        binary.find_or_build()
