"""Each line of the log is one JSON object, whatever is logged."""

from __future__ import annotations

import io
import json
import logging

from hypothesis import given
from hypothesis import strategies as st

from reconciler.agent.logs import JSONLines, about


def record(message: str, error: BaseException | None = None) -> logging.LogRecord:
    told = (type(error), error, error.__traceback__) if error is not None else None
    return logging.LogRecord("reconciler.agent.sync", logging.WARNING, "sync.py", 1, "%s", (message,), told)


def lines(*messages: str, **fields: str) -> list[dict[str, str]]:
    """What a stream handler writes, line by line."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JSONLines())
    with about(**fields):
        for message in messages:
            handler.handle(record(message))
    return [json.loads(line) for line in stream.getvalue().split("\n") if line]


@given(st.lists(st.text(max_size=80), min_size=1, max_size=3))
def test_every_message_is_one_line_that_holds_it(messages: list[str]) -> None:
    found = lines(*messages)
    assert [line["message"] for line in found] == messages
    assert all((line["level"], line["logger"]) == ("warning", "agent.sync") for line in found)


def test_lines_say_what_they_are_about() -> None:
    (line,) = lines("x", app="shop", commit="abc", object="")
    assert (line["app"], line["commit"], "object" in line) == ("shop", "abc", False)
    assert line["time"].endswith("Z")


def test_what_one_line_is_about_is_not_what_the_next_is() -> None:
    assert "app" in lines("x", app="shop")[0]
    assert "app" not in lines("x")[0]


def test_a_traceback_stands_in_its_line() -> None:
    try:
        raise ValueError("a\nb")
    except ValueError as error:
        (line,) = JSONLines().format(record("it broke", error)).splitlines()
    assert "ValueError: a\nb" in json.loads(line)["error"]
