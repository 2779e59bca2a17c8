"""The locked app of an artifact: what the runtime is told to run (source: spinframework/spin, crates/locked-app and crates/oci).

The runtime ignores fields it doesn't know, and so does this; what it would fail on, or read another way than it is written, is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.artifact.json_text import as_list, as_object, as_text, as_texts, parse_json
from reconciler.artifact.layout import Layout, is_digest
from reconciler.errors import ArtifactError

_UNDERSTOOD = frozenset({"host_requirements", "component_host_requirements"})
_REQUIREMENTS = frozenset({"local_service_chaining"})
#: An id becomes a folder's name on the node.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", re.ASCII)
_GRANTS = ("allowed_outbound_hosts", "key_value_stores", "databases", "ai_models")
_MOST_COMPONENTS = 1000
_MOST_TRIGGERS = 2000
_LONGEST_PATH = 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedFile:
    """A file of a component: where the component sees it, and the digest (`sha256:…`) of its content. `inline`: it is in the locked app."""

    path: str
    digest: str
    inline: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedComponent:
    """A component of the locked app: its Wasm layer by digest, and what it is granted.

    `metadata` has hosts, stores, databases and models as lists of text; `requirements` are those of the host, the optional ones left out.
    """

    id: str
    digest: str
    metadata: Mapping[str, Any]
    variables: Mapping[str, str]
    environment: Mapping[str, str]
    files: tuple[LockedFile, ...]
    requirements: frozenset[str]

    def granted(self, field: str) -> tuple[str, ...]:
        """Give one list of grants: `allowed_outbound_hosts`, `key_value_stores`, `databases` or `ai_models`."""
        return tuple(self.metadata.get(field) or ())


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedTrigger:
    """A trigger: `config` is what stands in Git beside its id, with the component's id as `component`."""

    type: str
    config: Mapping[str, Any]

    @property
    def component(self) -> str | None:
        """The id of the component that answers; None where none does (a static response)."""
        found = self.config.get("component")
        return found if isinstance(found, str) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedVariable:
    """An application variable; without a default it is required."""

    default: str | None
    secret: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedApp:
    """The locked app of an artifact, checked. `settings` are the triggers' settings for the whole application, by type."""

    name: str
    version: str
    profile: str
    settings: Mapping[str, Mapping[str, Any]]
    requirements: frozenset[str]
    variables: Mapping[str, LockedVariable]
    triggers: tuple[LockedTrigger, ...]
    components: tuple[LockedComponent, ...]


def locked_app(data: bytes, layout: Layout) -> LockedApp:
    """Read the locked app. Raises ArtifactError where the runtime would refuse it or it does not fit the layers."""
    document = parse_json(data, "the locked app")
    version = document.get("spin_lock_version") if isinstance(document, dict) else None
    if isinstance(version, bool) or not isinstance(version, int) or version not in {0, 1}:
        raise _fault("the application layer is not a locked app of version 0 or 1")
    _understood(document.get("must_understand"))
    digests = {layer.digest for layer in layout.wasm}
    raw = as_list(document.get("components"), "components")
    if not raw or len(raw) > _MOST_COMPONENTS:
        raise _fault(f"the application has {len(raw) or 'no'} components; between 1 and {_MOST_COMPONENTS} are read")
    components = tuple(_component(each, digests) for each in raw)
    if len({component.id for component in components}) != len(components):
        # One of them would be compared with Git, and the other might run.
        raise _fault("two components have the same id")
    triggers = as_list(document.get("triggers"), "triggers")
    if len(triggers) > _MOST_TRIGGERS:
        raise _fault(f"the application has {len(triggers)} triggers, and at most {_MOST_TRIGGERS} are read")
    metadata = as_object(document.get("metadata"), "metadata")
    app = LockedApp(
        name=as_text(metadata.get("name"), "metadata.name"),
        version=as_text(metadata.get("version"), "metadata.version"),
        profile=as_text(metadata.get("profile"), "metadata.profile"),
        settings=_settings(metadata),
        requirements=_requirements(document.get("host_requirements"), "the application"),
        variables={
            name: _variable(name, each) for name, each in as_object(document.get("variables"), "variables").items()
        },
        triggers=tuple(map(_trigger, triggers)),
        components=components,
    )
    _references(app)
    return app


def check_file_layers(app: LockedApp, layout: Layout, archived: Collection[str]) -> None:
    """Hold the files against the layers: each is inline, a data layer, or in an archive (`archived`: digests of the files in them).

    Raises ArtifactError.
    """
    there = {layer.digest for layer in layout.data} | set(archived)
    for component in app.components:
        for file in component.files:
            if not file.inline and file.digest not in there:
                raise ArtifactError(
                    "artifact.file-layer",
                    f"component {component.id!r}: file {file.path[:100]!r} ({file.digest}) is in no data layer and no archive",
                    hint="push the app again",
                )


def _understood(raw: Any) -> None:
    strange = sorted({str(each)[:100] for each in as_list(raw, "must_understand")} - _UNDERSTOOD)
    if strange:
        raise ArtifactError(
            "artifact.must-understand",
            f"the application needs what this Spin does not know: {', '.join(strange[:5])}",
            hint="push it with a Spin version whose artifacts SpinKube runs",
        )


def _requirements(raw: Any, whose: str) -> frozenset[str]:
    """Give the requirements that are not optional (source: crates/locked-app, deserialize_host_requirements)."""
    found = {key for key, value in as_object(raw, "host_requirements").items() if value != "optional"}
    if strange := sorted(found - _REQUIREMENTS):
        raise ArtifactError(
            "artifact.host-requirement",
            f"{whose} requires what no Spin host has: {', '.join(each[:100] for each in strange[:5])}",
            hint="push it with a Spin version whose artifacts SpinKube runs",
        )
    return frozenset(found)


def _settings(metadata: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Give the triggers' settings. Spin writes those of a single type a second time, for older versions that read only that place."""
    found = {
        kind: as_object(value, f"the settings of {kind[:50]} triggers")
        for kind, value in as_object(metadata.get("triggers"), "metadata.triggers").items()
    }
    single = as_object(metadata.get("trigger"), "metadata.trigger")
    kind = single.get("type")
    settings = {key: value for key, value in single.items() if key != "type"}
    if settings and isinstance(kind, str) and "triggers" not in metadata:
        return {kind: settings}
    if settings and settings != found.get(str(kind)):
        raise _fault("the triggers' settings stand twice in it and differ")
    return found


def _variable(name: str, raw: Any) -> LockedVariable:
    fields = as_object(raw, f"variable {name[:100]!r}")
    default, secret = fields.get("default"), fields.get("secret", False)
    if not (default is None or isinstance(default, str)) or not isinstance(secret, bool):
        raise _fault(f"variable {name[:100]!r}: default is not text, or secret is not true or false")
    return LockedVariable(default=default, secret=secret)


def _trigger(raw: Any) -> LockedTrigger:
    fields = as_object(raw, "a trigger")
    kind = as_text(fields.get("trigger_type"), "trigger_type")
    if not kind:
        raise _fault("a trigger has no type")
    if fields.get("trigger_dependencies"):
        raise _uncomposed(f"a trigger of type {kind[:50]}")
    return LockedTrigger(type=kind, config=as_object(fields.get("trigger_config"), "trigger_config"))


def _references(app: LockedApp) -> None:
    ids = {component.id for component in app.components}
    for trigger in app.triggers:
        named = trigger.config.get("component")
        if named is not None and not (isinstance(named, str) and named in ids):
            raise _fault(
                f"a trigger of type {trigger.type[:50]} names component {str(named)[:100]!r}, which is not there"
            )


def _component(raw: Any, wasm: set[str]) -> LockedComponent:
    fields = as_object(raw, "a component")
    name = as_text(fields.get("id"), "a component's id")
    if not _ID.fullmatch(name):
        raise _fault(f"a component has no id, or one that is no plain name: {name[:100]!r}")
    if fields.get("dependencies"):
        raise _uncomposed(f"component {name!r}")
    metadata = as_object(fields.get("metadata"), "metadata")
    for field in _GRANTS:
        if not all(isinstance(each, str) for each in as_list(metadata.get(field), f"component {name!r}: {field}")):
            raise _fault(f"component {name!r}: {field} is not a list of text")
    files = tuple(_file(each, name) for each in as_list(fields.get("files"), f"component {name!r}: files"))
    _check_paths(files, name)
    return LockedComponent(
        id=name,
        digest=_source(as_object(fields.get("source"), f"component {name!r}: source"), wasm, name),
        metadata=metadata,
        variables=as_texts(fields.get("config"), f"component {name!r}: config"),
        environment=as_texts(fields.get("env"), f"component {name!r}: env"),
        files=files,
        requirements=_requirements(fields.get("host_requirements"), f"component {name!r}"),
    )


def _source(source: Mapping[str, Any], wasm: set[str], name: str) -> str:
    """Give the digest of a component's Wasm layer: the runtime looks for it there even where a copy is inline."""
    digest = as_text(source.get("digest"), f"component {name!r}: its digest")
    if digest not in wasm:
        raise ArtifactError(
            "artifact.component-layer",
            f"component {name!r}: its Wasm ({digest[:80] or 'no digest'}) is none of the Wasm layers",
            hint="push the app again",
        )
    if source.get("inline") is not None and _inline(source["inline"], f"component {name!r}: its Wasm") != digest:
        raise ArtifactError(
            "artifact.inline",
            f"component {name!r}: its inline Wasm has another digest than it says",
            hint="push the app again",
        )
    return digest


def _file(raw: Any, component: str) -> LockedFile:
    fields = as_object(raw, f"component {component!r}: a file")
    path = as_text(fields.get("path"), f"component {component!r}: a file's path")
    parts = path.split("/")
    odd = any(part in {"", ".", ".."} or not part.isprintable() or "\\" in part for part in parts)
    if odd or len(path) > _LONGEST_PATH:
        raise ArtifactError(
            "artifact.file-path",
            f"component {component!r}: file path {path[:100]!r} is not plain",
            hint="file paths are relative, with no empty, . or .. segment",
        )
    digest = as_text(fields.get("digest"), f"component {component!r}: the digest of {path!r}")
    if digest and not is_digest(digest):
        raise _fault(f"component {component!r}: the digest of {path!r} is none: {digest[:80]!r}")
    if fields.get("inline") is None:
        if not digest:
            raise _fault(f"component {component!r}: file {path!r} has neither digest nor content")
        return LockedFile(path=path, digest=digest)
    held = _inline(fields["inline"], f"component {component!r}: file {path!r}")
    if digest not in {"", held}:
        raise ArtifactError(
            "artifact.inline",
            f"component {component!r}: the content of {path!r} has another digest than it says",
            hint="push the app again",
        )
    return LockedFile(path=path, digest=held, inline=True)


def _check_paths(files: tuple[LockedFile, ...], component: str) -> None:
    """Refuse paths of which only one can be there: the same twice, or one that is a folder of another."""
    paths = {file.path for file in files}
    clash = len(paths) != len(files)
    for path in paths:
        at = path.find("/")
        while at >= 0 and not clash:
            clash = path[:at] in paths
            at = path.find("/", at + 1)
    if clash:
        raise ArtifactError(
            "artifact.file-path", f"component {component!r}: two files have one path", hint="push the app again"
        )


def _inline(text: Any, what: str) -> str:
    """Give the digest of inline content: base64 without padding, as Spin writes and reads it."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        exact = base64.b64encode(data).decode().rstrip("=") == text
    except (TypeError, ValueError, binascii.Error):
        exact = False
    if not exact:
        raise ArtifactError(
            "artifact.inline", f"{what} is inline and not base64 without padding", hint="push the app again"
        )
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _uncomposed(what: str) -> ArtifactError:
    return ArtifactError(
        "artifact.dependencies",
        f"{what} has dependencies that were not composed, and nodes don't compose",
        hint="push with composition (the default of spin registry push)",
    )


def _fault(message: str) -> ArtifactError:
    return ArtifactError("artifact.locked-app", message, hint="republish with spin registry push")
