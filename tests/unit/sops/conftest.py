from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from reconciler.fleet.json_reader import read as read_json
from reconciler.fleet.yaml_reader import read
from reconciler.sops.decrypt import Identities, identities
from reconciler.sops.sealed import Fault, SealedFile, open_sealed

FILES = Path(__file__).parent / "files"
BLOB = "b" * 40


def documents(path: str, data: bytes) -> list[Any]:
    source = (read_json if path.endswith(".json") else read)(data, path)
    assert not source.problems
    return [each.value for each in source.documents]


def opened(path: str, data: bytes) -> SealedFile | Fault:
    return open_sealed(path, BLOB, documents(path, data))


def keys(*names: str) -> Identities:
    return identities({name: (FILES / name).read_text() for name in names})


@pytest.fixture
def sops() -> SimpleNamespace:
    """Give the files that SOPS wrote, and how to read them."""
    return SimpleNamespace(folder=FILES, blob=BLOB, documents=documents, opened=opened, keys=keys)
