"""The layout of an artifact, read as SpinKube's shim reads it.

Sources: containerd-shim-spin, source.rs and engine.rs; spinframework/spin, crates/oci (client.rs, loader.rs) and crates/loader
(cache.rs). The shim takes the last application layer, falls back to data where it finds no Wasm of a digest, keeps a layer that
was compiled beforehand and runs it as native code, and ignores layers that it doesn't know: here each of these is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.artifact.json_text import as_list, as_object, as_text, parse_json
from reconciler.errors import ArtifactError

APPLICATION_LAYER = "application/vnd.fermyon.spin.application.v1+config"
WASM_TYPES = frozenset({"application/vnd.wasm.content.layer.v1+wasm", "application/wasm"})
DATA_TYPE = "application/vnd.wasm.content.layer.v1+data"
ARCHIVE_TYPE = "application/vnd.wasm.content.bundle.v1.tar+gzip"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
#: The config of a single Wasm layer (source: the CNCF's Wasm OCI artifact layout).
WASM_CONFIG_TYPE = "application/vnd.wasm.config.v0+json"
LOCKED_APP_LABEL = "com.fermyon.spin.lockedAppDigest"
INDEX_TYPES = frozenset(
    {"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"}
)
#: Spin itself changes to one archive a component at 500 layers.
MAX_LAYERS = 1000
MAX_JSON = 4 * 1024 * 1024
MAX_WASM = 256 * 1024 * 1024
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_IMAGE_LAYER = re.compile(r"application/vnd\.(oci\.image\.layer|docker\.image\.rootfs)\..*")
_REPUBLISH = "republish with spin registry push"


@dataclass(frozen=True, kw_only=True, slots=True)
class Descriptor:
    """One blob as the manifest names it: media type, digest (`sha256:…`), size in bytes."""

    media_type: str
    digest: str
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """The parts of an artifact's manifest.

    `application` is the blob that holds the locked app: a layer, or in artifacts from before Spin 2 the config itself; None for a
    single Wasm layer, which has none.
    """

    config: Descriptor
    layers: tuple[Descriptor, ...]
    application: Descriptor | None

    @property
    def wasm(self) -> tuple[Descriptor, ...]:
        """The layers with a Wasm media type, each digest once."""
        return self._of(WASM_TYPES)

    @property
    def archives(self) -> tuple[Descriptor, ...]:
        """The layers that are archives of files, each digest once."""
        return self._of({ARCHIVE_TYPE})

    @property
    def data(self) -> tuple[Descriptor, ...]:
        """The layers that are one file each, each digest once."""
        return self._of({DATA_TYPE})

    @property
    def legacy(self) -> bool:
        """Whether the locked app stands in the config blob."""
        return self.application is not None and self.application == self.config

    def _of(self, types: frozenset[str] | set[str]) -> tuple[Descriptor, ...]:
        return tuple({layer.digest: layer for layer in self.layers if layer.media_type in types}.values())


def layout_of(data: bytes) -> Layout:
    """Read a manifest. Raises ArtifactError where it is no Spin artifact that the shim runs."""
    manifest = parse_json(data, "the manifest")
    if not isinstance(manifest, dict):
        raise ArtifactError("artifact.manifest", "the manifest is not a JSON object", hint=_REPUBLISH)
    if str(manifest.get("mediaType")) in INDEX_TYPES or "manifests" in manifest:
        raise ArtifactError(
            "artifact.image-index",
            "this is an image index, and not one artifact",
            hint="name the digest of the artifact itself, or republish with spin registry push",
        )
    version = manifest.get("schemaVersion")
    if version != 2 or isinstance(version, bool):
        raise ArtifactError(
            "artifact.manifest", "the manifest is not an OCI image manifest (schemaVersion 2)", hint=_REPUBLISH
        )
    layers = as_list(manifest.get("layers"), "layers", "artifact.manifest")
    if not layers or len(layers) > MAX_LAYERS:
        raise ArtifactError(
            "artifact.layers",
            f"the manifest has {len(layers) or 'no'} layers; between 1 and {MAX_LAYERS} are read",
            hint="set SPIN_OCI_ARCHIVE_LAYERS when pushing an app of many files" if layers else _REPUBLISH,
        )
    config = _descriptor(manifest.get("config"), "the config")
    return _assembled(config, tuple(_descriptor(layer, f"layer {n}") for n, layer in enumerate(layers)))


def check_config(data: bytes, layout: Layout) -> None:
    """Hold the config blob against the layout: the locked app it names is the one that is there. Raises ArtifactError."""
    config = parse_json(data, "the config")
    if not isinstance(config, dict):
        raise _config_fault("the config is not a JSON object")
    if layout.legacy:
        return
    if "spin_lock_version" in config:
        raise _config_fault("the config is itself a locked app, and there is another one among the layers")
    architecture = as_text(config.get("architecture"), "architecture", "artifact.config")
    system = as_text(config.get("os"), "os", "artifact.config")
    inner = as_object(config.get("config"), "config", "artifact.config")
    # Spin before 2.4 wrote no label.
    named = as_object(inner.get("Labels"), "Labels", "artifact.config").get(LOCKED_APP_LABEL)
    if layout.application is None:
        if architecture.lower() not in {"", "wasm"}:
            raise _config_fault(f"the config says architecture {architecture[:50]!r}; that of a Wasm layer says wasm")
        if named is not None:
            raise _config_fault(f"the config names a locked app ({str(named)[:80]}), and no layer is one")
        return
    if architecture.lower() != "wasm" or not system.lower().startswith("wasi"):
        raise _config_fault("the config is not that of a Spin artifact (architecture wasm, os wasip1)")
    if named is not None and named != layout.application.digest:
        raise _config_fault(f"the config names another locked app ({str(named)[:80]}) than the application layer's")


def _assembled(config: Descriptor, layers: tuple[Descriptor, ...]) -> Layout:
    """Decide which of the three layouts it is: application layer, locked app in the config, a single Wasm layer."""
    applications = [layer for layer in layers if layer.media_type == APPLICATION_LAYER]
    legacy = config.media_type == APPLICATION_LAYER
    unknown = sorted({layer.media_type for layer in layers} - WASM_TYPES - {APPLICATION_LAYER, DATA_TYPE, ARCHIVE_TYPE})
    if unknown and not applications and all(_IMAGE_LAYER.fullmatch(layer.media_type) for layer in layers):
        raise ArtifactError(
            "artifact.container-image",
            "this is an ordinary container image; what its /spin.toml would run can't be verified",
            hint=_REPUBLISH,
        )
    if unknown:
        raise ArtifactError(
            "artifact.layer-type",
            f"layers of unknown media type {', '.join(each[:100] for each in unknown[:3])}",
            hint=_REPUBLISH,
        )
    if len(applications) + legacy > 1:
        raise ArtifactError(
            "artifact.application-layer",
            "it has several locked apps, and which one runs is not certain",
            hint=_REPUBLISH,
        )
    if not applications and not legacy and not (len(layers) == 1 and layers[0].media_type in WASM_TYPES):
        raise ArtifactError(
            "artifact.application-layer",
            "it has no application layer, and is not a single Wasm layer either",
            hint=_REPUBLISH,
        )
    application = applications[0] if applications else config if legacy else None
    if application is not None and application.size > MAX_JSON:
        raise ArtifactError(
            "artifact.size",
            f"its locked app has {application.size} bytes, and at most {MAX_JSON} are read",
            hint="have fewer files in the app",
        )
    return Layout(config=config, layers=layers, application=application)


def _descriptor(raw: Any, what: str) -> Descriptor:
    fields: Mapping[str, Any] = raw if isinstance(raw, dict) else {}
    media_type, digest, size = fields.get("mediaType"), fields.get("digest"), fields.get("size")
    if not isinstance(media_type, str) or not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ArtifactError(
            "artifact.manifest",
            f"{what}: a descriptor is missing, or has no media type or no sha256 digest",
            hint=_REPUBLISH,
        )
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_WASM:
        raise ArtifactError(
            "artifact.size",
            f"{what} says it has {str(size)[:20]} bytes, and at most {MAX_WASM} are read",
            hint="make it smaller, or push it again if that is not its size",
        )
    return Descriptor(media_type=media_type, digest=digest, size=size)


def is_digest(text: str) -> bool:
    """Tell whether a text is a digest as they are written here: `sha256:` and 64 lower-case hex digits."""
    return _DIGEST.fullmatch(text) is not None


def _config_fault(message: str) -> ArtifactError:
    return ArtifactError("artifact.config", message, hint=_REPUBLISH)
