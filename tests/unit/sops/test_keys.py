"""Which keys fit, and what is said where none does."""

from __future__ import annotations

import pytest

from reconciler.errors import InputError
from reconciler.sops.decrypt import NoKeyError, decrypt, identities
from reconciler.sops.sealed import Fault


def opened(sops, name):
    return sops.opened(name, (sops.folder / name).read_bytes())


def test_any_recipient_of_a_file_can_read_it(sops):
    file = opened(sops, "secret.mac-only.yaml")

    assert decrypt(file, sops.keys("other.agekey")) == decrypt(file, sops.keys("test.agekey"))


@pytest.mark.parametrize("names", [(), ("other.agekey",)], ids=["none", "another"])
def test_without_the_right_key_the_recipients_are_named(sops, names):
    with pytest.raises(NoKeyError) as raised:
        decrypt(opened(sops, "secret.regex.yaml"), sops.keys(*names))

    assert "secret.regex.yaml" in raised.value.message
    assert "age1" in raised.value.message
    assert "decryption.secretRef" in raised.value.hint
    assert "AGE-SECRET-KEY" not in raised.value.message + raised.value.hint


def test_a_key_that_can_t_be_read_is_told_by_its_name_alone(sops):
    with pytest.raises(InputError) as raised:
        identities({"a.agekey": "AGE-SECRET-KEY-1PLANTED"})

    assert "a.agekey" in raised.value.message
    assert "PLANTED" not in raised.value.message + raised.value.hint


def test_a_post_quantum_key_is_told_apart_from_one_that_can_t_be_read(sops):
    with pytest.raises(InputError) as raised:
        sops.keys("post-quantum.agekey")

    assert "post-quantum.agekey holds a post-quantum age key" in raised.value.message
    assert "without -pq" in raised.value.hint
    assert "AGE-SECRET" not in raised.value.message + raised.value.hint


def test_a_file_for_post_quantum_keys_alone_is_told_without_a_key(sops):
    fault = opened(sops, "secret.post-quantum.yaml")

    assert isinstance(fault, Fault)
    assert "age1pq1" in fault.message
    assert "--add-age" in fault.hint


def test_keys_are_never_printed(sops):
    assert "AGE-SECRET" not in repr(sops.keys("test.agekey"))


@pytest.mark.parametrize("kind", ["pgp", "kms", "gcp_kms", "azure_kv", "hc_vault"])
def test_a_file_for_other_keys_alone_says_how_to_add_one(sops, kind):
    text = (sops.folder / "values.enc.json").read_bytes().replace(b'"age"', f'"{kind}"'.encode())

    fault = sops.opened("values.enc.json", text)

    assert isinstance(fault, Fault)
    assert kind in fault.message
    assert "--add-age" in fault.hint


def test_a_key_split_over_groups_is_refused(sops):
    fault = opened(sops, "values.shamir.yaml")

    assert isinstance(fault, Fault)
    assert "key groups" in fault.message


def test_rules_by_comment_are_refused(sops):
    fault = opened(sops, "values.comment.yaml")

    assert isinstance(fault, Fault)
    assert "comments" in fault.message
