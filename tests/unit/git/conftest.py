from __future__ import annotations

from pathlib import Path

import pygit2
import pytest


class Objects:
    """Writes raw Git objects, as an attacker would: no tool checks what stands in them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.repository = pygit2.init_repository(str(path), bare=True)

    def blob(self, data: bytes) -> bytes:
        return bytes(self.repository.create_blob(data).raw)

    def tree(self, *entries: tuple[str, bytes, bytes]) -> bytes:
        """A tree of (mode in octal, name, id), exactly as given."""
        raw = b"".join(mode.encode() + b" " + name + b"\0" + identity for mode, name, identity in entries)
        return bytes(self.repository.odb.write(pygit2.enums.ObjectType.TREE, raw).raw)

    def commit(self, tree: bytes) -> str:
        raw = b"tree %s\nauthor a <a@b> 0 +0000\ncommitter a <a@b> 0 +0000\n\nx\n" % tree.hex().encode()
        return str(self.repository.odb.write(pygit2.enums.ObjectType.COMMIT, raw))


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects(tmp_path / "objects.git")
