"""Values that are allowed and that nobody means, by kind of document: told as warnings, which refuse nothing."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.schema_check import pointer_of

#: Pointer below `/spec`, code, message, hint.
Doubt = tuple[str, str, str, str]

_SELECTED = (("placement", "names"), ("placement", "clusters", "names"), ("dependsOn",))
_DRIFT = (("drift", "ignore", "*", "pointers"), ("drift", "ignore", "*", "managers"))
#: Lists in which an item says nothing more the second time; `*` stands for each item of a list.
_SETS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "App": (*_SELECTED, *_DRIFT, ("components",), ("imagePullSecrets",), ("overrides", "*", "clusters", "names")),
    "Bundle": (*_SELECTED, *_DRIFT, ("patches", "*", "clusters", "names")),
    "Cluster": (("capabilities",), ("architecture",)),
    "Fleet": (("ignore",), ("customKinds",), ("artifacts", "registries")),
    "Rollout": (("stages", "*", "clusters", "names"), ("windows", "*", "days")),
}
_AMOUNT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
#: An Ed25519 key as OpenSSH writes it: the name of its type and 32 bytes, each after its length (source: RFC 8709, section 4).
_KEY_BEGINS, _KEY_LENGTH = b"\0\0\0\x0bssh-ed25519\0\0\0\x20", 51


def doubts(kind: str, spec: Mapping[str, Any]) -> Iterator[Doubt]:
    """Give what is doubtful in the spec of a valid document."""
    for way in _SETS.get(kind, ()):
        for pointer, items in _lists(spec, way, ""):
            yield from _twice(pointer, items)
    for_kind = {"App": _app, "Bundle": _waiting, "Cluster": _cluster, "Fleet": _fleet, "FleetSync": _fleetsync}.get(
        kind
    )
    if for_kind is not None:
        yield from for_kind(spec)


def _app(spec: Mapping[str, Any]) -> Iterator[Doubt]:
    yield from _waiting(spec)
    for index, override in enumerate(spec.get("overrides") or ()):
        if not override["spec"]:
            yield f"/overrides/{index}/spec", "fleet.no-change", "this override changes nothing", "remove it"


def _waiting(spec: Mapping[str, Any]) -> Iterator[Doubt]:
    deadline = spec.get("progressDeadline")
    if deadline is not None and _seconds(deadline) < 1:
        message = f"progressDeadline is {deadline}: each release would have failed before it began"
        yield "/progressDeadline", "fleet.duration", message, "as in 10m; leave it out for 10m"
    for index, rule in enumerate((spec.get("drift") or {}).get("ignore") or ()):
        pointer = f"/drift/ignore/{index}"
        named = [(f"/{name}", rule.get(name)) for name in ("kind", "name")]
        named += [(f"/managers/{at}", each) for at, each in enumerate(rule.get("managers") or ())]
        for below, value in named:
            if value == "":
                hint = "name one, or leave the field out"
                yield f"{pointer}{below}", "fleet.drift-ignore", "an empty text: nothing is called that", hint
        if not rule.get("pointers") and not rule.get("managers"):
            message = "no field and no manager is named: this lets nothing differ"
            yield pointer, "fleet.drift-ignore", message, "add pointers: [/spec/replicas], or managers"


def _cluster(spec: Mapping[str, Any]) -> Iterator[Doubt]:
    if "name" in (spec.get("variables") or {}):
        message = "every cluster has a variable `name`, its own name: here it is another"
        yield "/variables/name", "cluster.variable", message, "call it something else"
    key = spec.get("statusKey")
    if key is not None and not _is_public_key(key):
        message = "no public key that could verify a status: an Ed25519 key of OpenSSH is one"
        yield "/statusKey", "cluster.status-key", message, "as in ssh-ed25519 AAAAC3NzaC1lZDI1NTE5…, on one line"


def _fleet(spec: Mapping[str, Any]) -> Iterator[Doubt]:
    for pointer, code, message, hint in _waiting(spec.get("defaults") or {}):
        yield f"/defaults{pointer}", code, message, hint
    for index, prefix in enumerate((spec.get("artifacts") or {}).get("registries") or ()):
        if "://" in prefix:
            message = f"{prefix!r} is a URL, and references of artifacts begin with a host: nothing matches it"
            hint = f"write {prefix.partition('://')[2]}"
            yield f"/artifacts/registries/{index}", "fleet.registry", message, hint


def _fleetsync(spec: Mapping[str, Any]) -> Iterator[Doubt]:
    interval = spec["source"].get("interval")
    if interval is not None and _seconds(interval) < 1:
        yield "/source/interval", "fleet.duration", f"interval is {interval}: 1s is the shortest", "write 1s or more"


def _lists(value: Any, way: tuple[str, ...], pointer: str) -> Iterator[tuple[str, list[Any]]]:
    """Give the lists at a way below a value, each with its pointer."""
    for at, part in enumerate(way):
        if part == "*":
            for index, each in enumerate(value if isinstance(value, list) else ()):
                yield from _lists(each, way[at + 1 :], f"{pointer}/{index}")
            return
        value = value.get(part) if isinstance(value, dict) else None
        if value is None:
            return
        pointer += f"/{part}"
    if isinstance(value, list):
        yield pointer, value


def _twice(pointer: str, items: list[Any]) -> Iterator[Doubt]:
    if len(items) < 2:
        return
    seen: set[Any] = set()
    for index, each in enumerate(items):
        if isinstance(each, str) and each in seen:
            yield (
                f"{pointer}{pointer_of([index])}",
                "fleet.twice",
                f"{each[:80]!r} is in this list already",
                "remove it",
            )
        elif isinstance(each, str):
            seen.add(each)


def _seconds(duration: str) -> float:
    return sum(float(number) * _SECONDS[unit] for number, unit in _AMOUNT.findall(duration))


def _is_public_key(text: str) -> bool:
    kind, _, rest = text.partition(" ")
    try:
        data = base64.b64decode(rest.partition(" ")[0], validate=True)
    except (ValueError, binascii.Error):
        return False
    return kind == "ssh-ed25519" and len(data) == _KEY_LENGTH and data.startswith(_KEY_BEGINS)
