"""Checking one file by itself."""

from __future__ import annotations

from pathlib import Path

from reconciler.errors import InputError
from reconciler.problems import Problem


def validate_file(path: Path) -> tuple[Problem, ...]:
    """Give the problems of a spin.toml. Raises InputError for another kind of file."""
    if path.suffix != ".toml":
        raise InputError(f"{path}: not a spin.toml", hint="name a fleet's folder, or a spin.toml")
    from reconciler.manifest import parse

    return parse(path.read_bytes(), str(path)).problems
