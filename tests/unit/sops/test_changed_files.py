"""A file that was changed without SOPS is refused, whatever was changed; the message says where and never what."""

from __future__ import annotations

import pytest

from reconciler.errors import InputError
from reconciler.sops.decrypt import decrypt
from reconciler.sops.sealed import Fault


def lines(sops, name="secret.regex.yaml"):
    return (sops.folder / name).read_text().splitlines(keepends=True)


def changed(text, old, new):
    assert old in text
    return text.replace(old, new, 1)


def refused(sops, text, name="secret.regex.yaml"):
    file = sops.opened(name, text.encode())
    if isinstance(file, Fault):
        return f"{file.message} {file.hint}"
    with pytest.raises(InputError) as raised:
        decrypt(file, sops.keys("test.agekey"))
    told = f"{raised.value.message} {raised.value.hint}"
    assert "planted" not in told
    assert raised.value.message.startswith(name)
    return told


def test_a_plain_value_beside_the_encrypted_ones(sops):
    text = changed("".join(lines(sops)), "name: database", "name: database2")

    assert "authentication code" in refused(sops, text)


def test_two_encrypted_values_that_changed_places(sops):
    text = "".join(lines(sops))
    password = next(line for line in text.splitlines() if "password:" in line).split(": ", 1)[1]
    token = next(line for line in text.splitlines() if "token:" in line).split(": ", 1)[1]
    text = text.replace(password, "SWAP").replace(token, password).replace("SWAP", token)

    assert "does not fit its key and place" in refused(sops, text)


def test_an_encrypted_value_taken_away(sops):
    text = "".join(line for line in lines(sops) if "token:" not in line)

    assert "authentication code" in refused(sops, text)


def test_a_document_taken_away(sops):
    text = "".join(lines(sops)).split("\n---\n")[0]

    assert "authentication code" in refused(sops, text)


def test_a_value_in_plain_where_it_should_be_encrypted(sops):
    text = "".join("    password: chosen\n" if "password:" in line else line for line in lines(sops))

    assert "in plain" in refused(sops, text)


def test_a_rule_that_would_leave_values_out(sops):
    text = "".join(lines(sops)).replace("^(data|stringData)$", "^data$")

    assert "against the file's rule" in refused(sops, text)


def test_another_time_of_change(sops):
    text = "".join(lines(sops)).replace('lastmodified: "2026', 'lastmodified: "2027')

    assert "authentication code" in refused(sops, text)


def test_a_code_over_encrypted_values_alone_is_another_code(sops):
    text = "".join(lines(sops)).replace("    mac: ", "    mac_only_encrypted: true\n    mac: ")

    assert "authentication code" in refused(sops, text)


def test_where_only_encrypted_values_count_the_others_may_change(sops):
    text = changed("".join(lines(sops, "secret.mac-only.yaml")), "name: database", "name: database2")
    file = sops.opened("secret.mac-only.yaml", text.encode())

    assert decrypt(file, sops.keys("test.agekey"))[0]["metadata"]["name"] == "database2"


def test_more_values_than_are_decrypted(sops):
    text = "".join(lines(sops))
    flood = "\n".join(f"a{number}: 1" for number in range(20_001))

    assert "more than 20000 values" in refused(sops, f"{flood}\n{text}")
