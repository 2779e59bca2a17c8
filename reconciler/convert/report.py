"""What became of each object, and what could not be said: nothing is left out in silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to know. `field` is a JSON Pointer into the object; `lost` is True where the fleet does not say it any more."""

    field: str
    message: str
    lost: bool = False

    def to_json(self) -> dict[str, Any]:
        """Give the public JSON form."""
        return {"field": self.field, "message": self.message, "lost": self.lost}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What became of an object: `app`, `bundle` or `left` (not in the fleet), and the file that says it now."""

    object: str
    became: str
    file: str = ""
    notes: tuple[Note, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give the public JSON form."""
        notes = [note.to_json() for note in self.notes]
        return {"object": self.object, "became": self.became, "file": self.file, "notes": notes}
