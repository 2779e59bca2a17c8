"""What was encrypted comes back, whatever it was; one changed byte of it never does."""

from __future__ import annotations

from typing import Any

import pyrage
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import InputError
from reconciler.fleet.yaml_reader import read
from reconciler.sops.decrypt import Identities, decrypt
from reconciler.sops.sealed import ENCRYPTED, SealedFile, leaves, open_sealed
from tests.sops_encryptor import as_yaml, encrypt

IDENTITY = pyrage.x25519.Identity.generate()
KEYS = Identities((IDENTITY,))
# Texts that YAML can hold as they are: PyYAML folds other line ends.
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufeff\ufffe\uffff"),
    max_size=20,
)
NAME = st.sampled_from(["data", "token"]) | st.from_regex(r"k[a-z0-9_]{0,8}", fullmatch=True)
SCALAR = st.one_of(
    TEXT,
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer()),
)
VALUE = st.recursive(
    SCALAR, lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(NAME, below, max_size=3))
)
DOCUMENT = st.dictionaries(NAME, VALUE, min_size=1, max_size=4)


def opened(documents: list[Any]) -> SealedFile:
    source = read(as_yaml(documents).encode(), "f.yaml")
    assert not source.problems
    file = open_sealed("f.yaml", "b" * 40, [each.value for each in source.documents])
    assert isinstance(file, SealedFile), file
    return file


@given(st.lists(DOCUMENT, min_size=1, max_size=3), st.sampled_from([(), ("data", "token")]), st.booleans())
def test_what_was_encrypted_comes_back(documents, keys, mac_only):
    file = opened(encrypt(documents, [IDENTITY.to_public()], keys=keys, mac_only=mac_only))

    assert decrypt(file, KEYS) == tuple(documents)


@given(DOCUMENT, st.data())
def test_a_changed_ciphertext_is_refused(document, data):
    sealed = encrypt([document], [IDENTITY.to_public()])[0]
    places = [
        path
        for path, value in leaves(sealed)
        if path[0] != "sops" and isinstance(value, str) and ENCRYPTED.fullmatch(value)
    ]
    if not places:
        return
    path = data.draw(st.sampled_from(places))
    holder = sealed
    for part in path[:-1]:
        holder = holder[part]
    text = holder[path[-1]]
    at = text.index("tag:") + 4 + data.draw(st.integers(0, 20))
    holder[path[-1]] = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]

    with pytest.raises(InputError):
        decrypt(opened([sealed]), KEYS)
