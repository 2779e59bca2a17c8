"""Each committed file was encrypted by SOPS itself; what we make of it is what SOPS makes of it."""

from __future__ import annotations

from pathlib import Path

import pyrage
import pytest

from reconciler.sops.decrypt import Identities, decrypt
from reconciler.sops.sealed import SealedFile, open_sealed
from tests.sops_encryptor import encrypt

FILES = sorted(path.name.removeprefix("plain.") for path in (Path(__file__).parent / "files").glob("plain.*"))


def test_every_shape_of_file_is_there():
    assert len(FILES) == 10


@pytest.mark.parametrize("name", FILES)
def test_it_is_decrypted_to_what_sops_decrypts_it_to(sops, name):
    file = sops.opened(name, (sops.folder / name).read_bytes())
    assert isinstance(file, SealedFile)

    plain = decrypt(file, sops.keys("test.agekey", "test-ssh.agekey"))

    assert plain == tuple(sops.documents(name, (sops.folder / f"plain.{name}").read_bytes()))


@pytest.mark.parametrize("name", FILES)
def test_nothing_encrypted_is_seen_without_a_key(sops, name):
    file = sops.opened(name, (sops.folder / name).read_bytes())

    shown = repr([file.marked(index) for index in range(len(file.documents))])

    assert "planted" not in shown
    assert "ENC[" not in shown
    assert f"<encrypted {sops.blob}>" in shown
    assert "planted" not in repr(file)


def test_a_whole_number_with_a_point_is_written_as_sops_writes_it(sops):
    identity = pyrage.x25519.Identity.generate()
    (document,) = encrypt([{"a": 3.0, "b": -2.5, "c": 1e21}], [identity.to_public()])
    file = open_sealed("f.yaml", sops.blob, [document])
    assert isinstance(file, SealedFile)

    assert repr(decrypt(file, Identities((identity,)))) == "({'a': 3, 'b': -2.5, 'c': 1e+21},)"
