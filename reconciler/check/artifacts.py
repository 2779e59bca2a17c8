"""What the artifact of each changed app may do that it might not before, in words that a reviewer can judge.

What Git says is compared: the grants of spin.toml, with the values that each cluster's variables give them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from reconciler.check.units import Evaluated
from reconciler.fleet.model import AppAssignment
from reconciler.manifest.capabilities import Capabilities, capabilities_of
from reconciler.manifest.model import Application, Trigger
from reconciler.manifest.templates import names, replaced

NOT_VERIFIED = "not verified against the artifact"


class Status(StrEnum):
    """What verification made of an artifact. `NotAsked`: nothing was verified; `Incomplete`: it could not be completed."""

    VERIFIED = "Verified"
    REFUSED = "Refused"
    INCOMPLETE = "Incomplete"
    NOT_ASKED = "NotAsked"


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactDetails:
    """What a verified artifact holds beside that of base. Sizes are bytes of its layers, `base_size` None where base's can't be read.

    `spin` are the releases of Spin that all its components fit. Imports are those that nothing is granted for: what the code could use.
    """

    size: int
    base_size: int | None
    spin: tuple[str, ...]
    triggers: tuple[str, ...]
    imports_gained: tuple[str, ...]
    imports_lost: tuple[str, ...]
    signers: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Give the stable JSON form."""
        return {
            "size": self.size,
            "baseSize": self.base_size,
            "spin": list(self.spin),
            "triggers": list(self.triggers),
            "importsGained": list(self.imports_gained),
            "importsLost": list(self.imports_lost),
            "signers": list(self.signers),
        }

    def words(self) -> Iterator[str]:
        """Give it in sentences without a subject."""
        change = "" if self.base_size is None else f" ({self.size - self.base_size:+,} bytes)"
        yield f"{self.size:,} bytes{change}; triggers: {', '.join(self.triggers) or 'none'}"
        yield f"fits Spin {', '.join(self.spin) or 'of no release that is known'}"
        yield f"signed by {', '.join(self.signers)}" if self.signers else "no signature was asked for"
        yield from (f"its code now imports {each}, and nothing is granted for it" for each in self.imports_gained)
        yield from (f"its code no longer imports {each}" for each in self.imports_lost)


#: Ports that a scheme stands for, where a host names none (source: spin, crates/outbound-networking-config).
_PORTS = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379, "mysql": 3306, "postgres": 5432, "mqtt": 1883}
#: What each list of grants lets a component do.
_WORDS = {
    "hosts": "reach {}",
    "stores": "use key-value store {!r}",
    "databases": "use SQLite database {!r}",
    "models": "run inference with {!r}",
    "files": "read files {!r}",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ArtifactChange:
    """An app whose artifact, or what it may do, changes on some clusters. `base` is empty where the app is new or was not valid.

    `gained` and `lost` are sentences without their subject, sorted: `reach payments.example.com:443`. `wildcards` are the gained hosts
    with a `*`. `verdict` says in words what was verified, `details` what a verified artifact holds.
    """

    app: str
    path: str
    clusters: tuple[str, ...]
    base: str
    head: str
    gained: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    wildcards: tuple[str, ...] = ()
    status: Status = Status.NOT_ASKED
    verdict: str = NOT_VERIFIED
    details: ArtifactDetails | None = None

    def words(self) -> Iterator[str]:
        """Give each gain and loss as a sentence."""
        now = "may now" if self.base else "may"
        yield from (f"{self.app} {now} {each}" for each in self.gained)
        yield from (f"{self.app} may no longer {each}" for each in self.lost)
        yield from self.details.words() if self.details is not None else ()

    def to_json(self) -> dict[str, Any]:
        """Give the stable JSON form."""
        return {
            "app": self.app,
            "path": self.path,
            "clusters": list(self.clusters),
            "base": self.base,
            "head": self.head,
            "gained": list(self.gained),
            "lost": list(self.lost),
            "wildcards": list(self.wildcards),
            "status": str(self.status),
            "verdict": self.verdict,
            "details": self.details.to_json() if self.details is not None else None,
        }


def artifact_changes(found: Iterable[Evaluated], written: Callable[[str], str]) -> tuple[ArtifactChange, ...]:
    """Give what changes of artifacts and grants, equal changes of an app together. `written` names clusters' variables in a text."""
    together: dict[ArtifactChange, set[str]] = {}
    for each in found:
        if (change := _change(each, written)) is not None:
            together.setdefault(change, set()).update(each.clusters)
    changes = [replace(change, clusters=tuple(sorted(clusters))) for change, clusters in together.items()]
    return tuple(sorted(changes, key=lambda each: (each.app, each.clusters)))


def _change(found: Evaluated, written: Callable[[str], str]) -> ArtifactChange | None:
    base, head = found.base.unit, found.head.unit
    if not isinstance(head, AppAssignment) or found.head.keeps:
        return None
    before = base if isinstance(base, AppAssignment) else None
    old, new = _grants(before) if before is not None else set(), _grants(head)
    references = [written(str(each.spec.get("artifact", ""))) if each is not None else "" for each in (before, head)]
    if before is not None and references[0] == references[1] and old == new:
        return None
    gained, lost = new - old, old - new
    return ArtifactChange(
        app=head.name,
        path=head.path,
        clusters=(),
        base=references[0],
        head=references[1],
        gained=_sentences(gained, written),
        lost=_sentences(lost, written),
        wildcards=tuple(sorted(written(value) for kind, value in gained if kind == "hosts" and _is_wide(value))),
    )


def _sentences(grants: set[tuple[str, str]], written: Callable[[str], str]) -> tuple[str, ...]:
    return tuple(sorted(written(_sentence(kind, value)) for kind, value in grants))


def _sentence(kind: str, value: str) -> str:
    if kind == "trigger":
        return f"be called by {value}"
    return _WORDS[kind].format(_reachable(value) if kind == "hosts" else value)


def _grants(app: AppAssignment) -> set[tuple[str, str]]:
    """Give what the components that run there may do together, and what calls them."""
    chosen = app.spec.get("components") or app.application.components
    values = _values(app)
    found: set[tuple[str, str]] = set()
    for name, each in capabilities_of(app.application).items():
        if name in chosen:
            found |= set(_of(each, values))
    found |= {("trigger", _trigger(each)) for each in app.application.triggers if each.component in chosen}
    return found


def _of(grants: Capabilities, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for kind, each in ((kind, each) for kind, listed in grants.to_json().items() for each in listed):
        filled = replaced(each, {**{name: f"{{{{ {name} }}}}" for name in names(each)}, **values})
        yield kind, filled if kind == "hosts" and filled is not None else each


def _values(app: AppAssignment) -> dict[str, str]:
    """Give the variables whose values stand in Git."""
    found = {name: each.default for name, each in app.application.variables.items() if each.default is not None}
    for name, value in (app.spec.get("variables") or {}).items():
        found.pop(name, None)
        if isinstance(value, Mapping) and isinstance(value.get("value"), str):
            found[name] = value["value"]
    secret = {name for name, each in _variables(app.application).items() if each}
    return {name: value for name, value in found.items() if name not in secret}


def _variables(application: Application) -> dict[str, bool]:
    return {name: each.secret for name, each in application.variables.items()}


def _trigger(trigger: Trigger) -> str:
    where = trigger.config.get("route") or trigger.config.get("channel") or trigger.config.get("topic") or ""
    return f"{trigger.type} {'inside the app only' if isinstance(where, Mapping) else where}".strip()


def _reachable(host: str) -> str:
    """Give a host with the port that its scheme stands for: `payments.example.com:443`."""
    scheme, _, rest = host.strip().partition("://")
    rest = rest.rstrip("/")
    if rest in {"*", "*:*"}:
        return f"any host ({host})"
    if ":" in rest.rpartition("]")[2]:
        return rest if scheme in _PORTS else f"{rest} ({scheme})"
    return f"{rest}:{_PORTS[scheme]}" if scheme in _PORTS else f"{rest} ({scheme})"


def _is_wide(host: str) -> bool:
    scheme, _, rest = host.strip().partition("://")
    return (
        "*" in rest.rpartition(":")[0] or (":" not in rest and "*" in rest) or scheme == "*" or "/" in rest.rstrip("/")
    )
