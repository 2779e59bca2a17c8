"""What a runner gives a step, and takes from it: the event's payload, outputs, the step's summary (source: docs.github.com, "Workflow commands")."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reconciler.errors import InputError

_LARGEST_EVENT = 32 * 1024 * 1024


def event() -> tuple[str, Mapping[str, Any]]:
    """Give the name of the event and its payload. Raises InputError outside of a workflow."""
    name, path = os.environ.get("GITHUB_EVENT_NAME", ""), os.environ.get("GITHUB_EVENT_PATH", "")
    if not name or not path:
        raise InputError(
            "this is no step of a GitHub workflow", hint="use spinfleet check; action.yml runs this command"
        )
    try:
        with Path(path).open("rb") as handle:
            payload = json.loads(handle.read(_LARGEST_EVENT))
    except (OSError, ValueError) as error:
        raise InputError(f"the event's payload can't be read: {error}") from error
    if not isinstance(payload, dict):
        raise InputError("the event's payload is no object")
    return name, payload


def output(name: str, value: str) -> None:
    """Set an output of the step. The delimiter can't be guessed: no value can end it and set another output."""
    where = os.environ.get("GITHUB_OUTPUT")
    if where:
        delimiter = f"spinfleet-{secrets.token_hex(16)}"
        with Path(where).open("a", encoding="utf-8") as handle:
            handle.write(f"{name}<<{delimiter}\n{value}\n{delimiter}\n")
