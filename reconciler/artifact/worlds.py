"""What each trigger asks of its component (facts of Spin: "Worlds"; source: crates/trigger-http, crates/trigger-redis)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_HTTP = (
    re.compile(r"wasi:http/incoming-handler@0\.2\.\d+"),
    re.compile(r"wasi:http/incoming-handler@0\.2\.0-rc-(2023-10-18|2023-11-10)"),
    re.compile(r"fermyon:spin/inbound-http(@.*)?"),
    re.compile(r"wasi:http/handler@0\.3\.0(-rc-.*)?"),
)
_HANDLERS: Mapping[str, tuple[re.Pattern[str], ...]] = {
    "http": _HTTP,
    "redis": (re.compile(r"fermyon:spin/inbound-redis(@.*)?"), re.compile(r"spin:redis/inbound-redis@3\.0\.0")),
    "command": (re.compile(r"wasi:cli/run@0\.2\.\d+"),),
}
#: A WAGI executor runs the component's main function instead.
_WAGI = re.compile(r"wasi:cli/run@.*")


def handler_fault(trigger: str, exports: Sequence[str], *, wagi: bool = False) -> str:
    """Say why a component can't answer a trigger of this type, or give an empty string; unknown types are not judged here."""
    patterns = (_WAGI,) if wagi else _HANDLERS.get(trigger)
    if patterns is None:
        return ""
    matching = [name for name in exports if any(pattern.fullmatch(name) for pattern in patterns)]
    if len(matching) == 1:
        return ""
    exported = ", ".join(exports[:5]) or "nothing"
    if not matching:
        return f"it exports no handler for {trigger} triggers (it exports {exported})"
    return f"it exports several handlers for {trigger} triggers ({', '.join(matching)}), and exactly one is needed"
