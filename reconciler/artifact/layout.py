"""The layout of a Spin artifact, read as the shim reads it (facts of SpinKube: "Spin OCI artifact")."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.errors import ArtifactError

APPLICATION_LAYER = "application/vnd.fermyon.spin.application.v1+config"
WASM_TYPES = frozenset({"application/vnd.wasm.content.layer.v1+wasm", "application/wasm"})
DATA_TYPE = "application/vnd.wasm.content.layer.v1+data"
ARCHIVE_TYPE = "application/vnd.wasm.content.bundle.v1.tar+gzip"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LOCKED_APP_LABEL = "com.fermyon.spin.lockedAppDigest"
INDEX_TYPES = frozenset(
    {"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"}
)
MAX_LAYERS = 1000
MAX_JSON = 8 * 1024 * 1024
MAX_WASM = 256 * 1024 * 1024
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
#: What a loader of Spin 2 and 3 understands (source: crates/locked-app).
_UNDERSTOOD = frozenset({"host_requirements", "component_host_requirements"})
_REQUIREMENTS = frozenset({"local_service_chaining"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Descriptor:
    """One blob as the manifest names it: media type, digest, size in bytes."""

    media_type: str
    digest: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The parts of an artifact's manifest. `application` is None for a bare Wasm module (CNCF layout)."""

    config: Descriptor
    layers: tuple[Descriptor, ...]
    application: Descriptor | None

    @property
    def wasm(self) -> tuple[Descriptor, ...]:
        """The layers with a Wasm media type, each digest once."""
        found = {layer.digest: layer for layer in self.layers if layer.media_type in WASM_TYPES}
        return tuple(found.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedComponent:
    """A component of the locked app: its Wasm by digest or inline, and what it is granted."""

    id: str
    digest: str
    inline: bytes | None
    metadata: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedApp:
    """The locked app of an artifact, checked."""

    name: str
    triggers: tuple[Mapping[str, Any], ...]
    components: tuple[LockedComponent, ...]
    document: Mapping[str, Any]


def parse_json(data: bytes, what: str) -> Any:
    """Parse JSON strictly: a duplicate key could be read one way here and another way by the runtime. Raises ArtifactError."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ArtifactError("artifact.json", f"{what} has a key twice")
        return found

    try:
        return json.loads(data, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        raise ArtifactError("artifact.json", f"{what} is not JSON: {str(error)[:100]}") from error


def layout_of(data: bytes) -> Layout:
    """Read a manifest. Raises ArtifactError where it is no Spin artifact that the shim runs."""
    manifest = parse_json(data, "the manifest")
    if not isinstance(manifest, dict) or manifest.get("schemaVersion") != 2:
        raise _layout("the manifest is not an OCI image manifest (schemaVersion 2)")
    if str(manifest.get("mediaType")) in INDEX_TYPES or "manifests" in manifest:
        raise _layout(
            "this is an image index", "name the digest of the artifact itself; republish with spin registry push"
        )
    layers = manifest.get("layers")
    if not isinstance(layers, list) or not layers or len(layers) > MAX_LAYERS:
        raise _layout(f"the manifest has no layers, or more than {MAX_LAYERS}")
    parsed = tuple(_descriptor(layer) for layer in layers)
    config = _descriptor(manifest.get("config"))
    applications = [layer for layer in parsed if layer.media_type == APPLICATION_LAYER]
    if len(applications) > 1:
        raise _layout("the manifest has several application layers")
    known = WASM_TYPES | {APPLICATION_LAYER, DATA_TYPE, ARCHIVE_TYPE}
    unknown = sorted({layer.media_type for layer in parsed} - known)
    if unknown and not applications:
        raise _layout(
            f"no Spin application in it (layers of type {', '.join(unknown[:3])})", "republish with spin registry push"
        )
    if unknown:
        raise _layout(f"layers of unknown media type {', '.join(unknown[:3])}")
    if not applications and not (len(parsed) == 1 and parsed[0].media_type in WASM_TYPES):
        raise _layout("no application layer, and not a single Wasm layer either", "republish with spin registry push")
    return Layout(config=config, layers=parsed, application=applications[0] if applications else None)


def check_config(data: bytes, layout: Layout) -> None:
    """Hold the config blob against the layout: the locked app it names is the one that is there. Raises ArtifactError."""
    config = parse_json(data, "the config")
    if not isinstance(config, dict):
        raise _layout("the config is not a JSON object")
    if layout.application is None:
        return
    if str(config.get("architecture", "")).lower() != "wasm" or not str(config.get("os", "")).lower().startswith(
        "wasi"
    ):
        raise _layout("the config is not that of a Spin artifact (architecture wasm, os wasip1)")
    named = _object(_object(config.get("config"), "config").get("Labels"), "Labels").get(LOCKED_APP_LABEL)
    if named is not None and named != layout.application.digest:
        raise _layout(f"the config names another locked app ({named}) than the application layer's")


def locked_app(data: bytes, layout: Layout) -> LockedApp:
    """Read the locked app. Raises ArtifactError where the runtime would refuse it or it does not fit the layers."""
    document = parse_json(data, "the locked app")
    if not isinstance(document, dict) or document.get("spin_lock_version") not in (0, 1):
        raise _layout("the application layer is not a locked app of version 0 or 1")
    strange = sorted({str(each) for each in _list(document.get("must_understand"), "must_understand")} - _UNDERSTOOD)
    requirements = _object(document.get("host_requirements"), "host_requirements")
    strange += sorted(key for key, value in requirements.items() if value == "required" and key not in _REQUIREMENTS)
    if strange:
        raise _layout(f"the application needs what this Spin does not know: {', '.join(strange)}")
    digests = {layer.digest for layer in layout.wasm}
    components = tuple(_component(raw, digests) for raw in _list(document.get("components"), "components"))
    if not components:
        raise _layout("the application has no components")
    if len({component.id for component in components}) != len(components):
        # One of them would be compared with Git, and the other might run.
        raise _layout("two components have the same id")
    triggers = tuple(_object(trigger, "a trigger") for trigger in _list(document.get("triggers"), "triggers"))
    for trigger in triggers:
        _object(trigger.get("trigger_config"), "trigger_config")
    for variable in _object(document.get("variables"), "variables").values():
        _object(variable, "a variable")
    metadata = _object(document.get("metadata"), "metadata")
    return LockedApp(name=str(metadata.get("name") or ""), triggers=triggers, components=components, document=document)


def _component(raw: Any, digests: set[str]) -> LockedComponent:
    if not isinstance(raw, dict) or not isinstance(raw.get("id"), str):
        raise _layout("a component has no id")
    name, source = raw["id"], _object(raw.get("source"), "source")
    if raw.get("dependencies"):
        raise _layout(
            f"component {name!r} has dependencies that were not composed",
            "push with composition (the default of spin registry push)",
        )
    digest, inline = source.get("digest") or "", None
    if not isinstance(digest, str):
        raise _layout(f"component {name!r}: its digest is not text")
    if isinstance(source.get("inline"), str):
        inline = _inline(source["inline"], name)
    elif digest not in digests:
        raise _layout(f"component {name!r}: its Wasm ({digest or 'no digest'}) is none of the Wasm layers")
    if inline is not None and digest and f"sha256:{hashlib.sha256(inline).hexdigest()}" != digest:
        raise _layout(f"component {name!r}: its inline Wasm has another digest than it says")
    for file in _list(raw.get("files"), "files"):
        path = _object(file, "a file").get("path")
        _plain_path(path if isinstance(path, str) else "", name)
    return LockedComponent(id=name, digest=digest, inline=inline, metadata=_object(raw.get("metadata"), "metadata"))


def _inline(text: str, name: str) -> bytes:
    try:
        # Spin writes it without padding.
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise _layout(f"component {name!r}: its inline Wasm is not base64") from error


def _plain_path(path: str, component: str) -> None:
    """Refuse file paths that the shim would refuse: each segment plain, none going up."""
    parts = path.lstrip("/").split("/")
    if not path or any(part in {"", ".", ".."} or "\0" in part or "\\" in part for part in parts):
        raise _layout(f"component {component!r}: file path {path[:100]!r} is not plain")


def _descriptor(raw: Any) -> Descriptor:
    if not isinstance(raw, dict):
        raise _layout("a descriptor is missing")
    media_type, digest, size = raw.get("mediaType"), raw.get("digest"), raw.get("size")
    if not isinstance(media_type, str) or not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise _layout("a descriptor has no media type or no sha256 digest")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_WASM:
        raise ArtifactError(
            "artifact.size", f"a layer says it has {str(size)[:20]} bytes, and at most {MAX_WASM} are read"
        )
    return Descriptor(media_type=media_type, digest=digest, size=size)


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _layout(f"{what} is not a JSON object")
    return value


def _list(value: Any, what: str) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _layout(f"{what} is not a list")
    return value


def _layout(message: str, hint: str = "") -> ArtifactError:
    return ArtifactError("artifact.layout", message, hint=hint)
