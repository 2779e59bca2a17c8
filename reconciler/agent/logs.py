"""The agent's log: one JSON object a line, which says what it is about."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TextIO

_ABOUT: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))
_LONGEST = 8_192


@contextmanager
def about(**fields: str) -> Iterator[None]:
    """Have every line that is logged within say these fields too, such as `app`, `commit` or `object`; empty ones are left out."""
    token = _ABOUT.set({**_ABOUT.get(), **{name: value for name, value in fields.items() if value}})
    try:
        yield
    finally:
        _ABOUT.reset(token)


class JSONLines(logging.Formatter):
    """Formats a record as one line of JSON, whatever its message holds: `time` (RFC 3339), `level`, `logger`, `message`."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line."""
        line: dict[str, str] = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name.removeprefix("reconciler."),
            "message": record.getMessage()[:_LONGEST],
            **_ABOUT.get(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)[-_LONGEST:]
        return json.dumps(line, ensure_ascii=False)


def log_to(stream: TextIO) -> None:
    """Send everything of level INFO and above to a stream."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JSONLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
