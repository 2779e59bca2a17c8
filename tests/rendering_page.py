"""What docs/rendering.md says of the fields of an App."""

from __future__ import annotations

import re
from pathlib import Path

_PAGE = Path(__file__).parent.parent / "docs" / "rendering.md"


def become_nothing() -> frozenset[str]:
    """Give the fields that no object has, by the rows that begin with it."""
    rows = [row.split("|") for row in _PAGE.read_text(encoding="utf-8").splitlines() if row.startswith("| `")]
    found = [re.findall(r"`(\w+)`", row[1]) for row in rows if row[2].strip().startswith("nothing")]
    return frozenset(field for fields in found for field in fields)
