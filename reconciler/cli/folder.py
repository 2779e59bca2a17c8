"""The option that names a fleet's folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def folder_option(text: str = "The fleet's folder.") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give --path, which is the working folder unless told."""
    kind = click.Path(path_type=Path, exists=True, file_okay=False)
    return click.option("--path", type=kind, default=Path(), show_default=True, help=text)
