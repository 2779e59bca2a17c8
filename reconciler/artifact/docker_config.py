"""Logins of a docker config: of exactly one host, and nothing that would run a program."""

from __future__ import annotations

import base64
import json
from typing import Any

from reconciler.errors import InputError

#: Docker Hub's login stands under an address of its first API.
_KEYS = {"registry-1.docker.io": ("docker.io", "https://index.docker.io/v1/", "index.docker.io")}


def login_of(config: str, host: str, what: str = "the docker config") -> tuple[str, str]:
    """Give user name and password for a `host[:port]`; two empty texts where the config has none for exactly it.

    Raises InputError where it can't be read, or keeps that host's login in a credential helper: no program is run for a login.
    """
    try:
        document = json.loads(config)
        entries = document.get("auths") or {}
        keys = (host, f"https://{host}", f"http://{host}", *_KEYS.get(host, ()))
        entry = next((entries[key] for key in keys if key in entries), None) or {}
        if entry.get("auth"):
            user, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
            return user, password
        found = str(entry.get("username") or ""), str(entry.get("password") or "")
        helper = _helper(document, keys)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        # The text of the error could show what stands in the config.
        raise InputError(f"{what} can't be read as a docker config") from error
    if not found[0] and helper:
        raise InputError(
            f"{what} keeps the login of {host} in the credential helper {helper!r}, which is not run",
            hint="make a config of its own for this: docker --config FOLDER login, without credsStore",
        )
    return found


def _helper(document: Any, keys: tuple[str, ...]) -> str:
    helpers = document.get("credHelpers") or {}
    named = next((helpers[key] for key in keys if key in helpers), None)
    stored = document.get("credsStore") if any(key in (document.get("auths") or {}) for key in keys) else None
    return str(named or stored or "")[:60]
