"""A docker config gives the login of exactly the host that is asked, and no program is run for one."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from reconciler.artifact.docker_config import login_of
from reconciler.errors import InputError

AUTH = base64.b64encode(b"robot:hun:ter2").decode()


def config(**entries: Any) -> str:
    return json.dumps(entries)


@pytest.mark.parametrize(
    ("text", "host", "login"),
    [
        (config(auths={"ghcr.io": {"auth": AUTH}}), "ghcr.io", ("robot", "hun:ter2")),
        (config(auths={"ghcr.io": {"username": "a", "password": "b"}}), "ghcr.io", ("a", "b")),
        (config(auths={"https://ghcr.io": {"auth": AUTH}}), "ghcr.io", ("robot", "hun:ter2")),
        (config(auths={"https://index.docker.io/v1/": {"auth": AUTH}}), "registry-1.docker.io", ("robot", "hun:ter2")),
        (config(auths={"ghcr.io": {"auth": AUTH}}), "ghcr.io:8443", ("", "")),
        (config(auths={"ghcr.io": {"auth": AUTH}}), "evil.ghcr.io", ("", "")),
        (config(auths={"ghcr.io/acme": {"auth": AUTH}}), "ghcr.io", ("", "")),
        ("{}", "ghcr.io", ("", "")),
        (config(auths={"quay.io": {}}, credsStore="desktop"), "ghcr.io", ("", "")),
    ],
)
def test_the_login_of_exactly_this_host(text: str, host: str, login: tuple[str, str]) -> None:
    assert login_of(text, host) == login


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", config(auths={"ghcr.io": {"auth": "***"}}), config(auths={"ghcr.io": 5}), "[" * 100_000],
)  # fmt: skip
def test_what_can_not_be_read_is_told_without_what_stands_in_it(text: str) -> None:
    with pytest.raises(InputError) as caught:
        login_of(text, "ghcr.io", "Secret login")
    assert caught.value.message == "Secret login can't be read as a docker config"


@pytest.mark.parametrize(
    "text", [config(credHelpers={"ghcr.io": "gcloud"}), config(auths={"ghcr.io": {}}, credsStore="desktop")]
)
def test_a_credential_helper_is_not_run_and_that_is_said(text: str) -> None:
    with pytest.raises(InputError, match="credential helper"):
        login_of(text, "ghcr.io")
