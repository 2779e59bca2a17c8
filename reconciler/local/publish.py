"""Building example artifacts and pushing them to a registry in the layout that `spin registry push` makes.

Only for the demo and the tests: people push with Spin. Source of the layout: spinframework/spin, crates/oci/src/client.rs.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.artifact.layout import APPLICATION_LAYER, CONFIG_TYPE, LOCKED_APP_LABEL
from reconciler.errors import InputError, UnavailableError
from reconciler.local.binary import cache_folder
from reconciler.manifest import Application, Component, parse
from reconciler.manifest.hosts import chained_component

WASM_LAYER = "application/vnd.wasm.content.layer.v1+wasm"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
#: Spin writes the time of the push; a fixed one makes the same artifact have the same digest.
_CREATED = "2026-01-01T00:00:00+00:00"


@dataclass(frozen=True, slots=True)
class Blob:
    """One blob with its media type."""

    media_type: str
    data: bytes

    @property
    def digest(self) -> str:
        """Its digest."""
        return f"sha256:{hashlib.sha256(self.data).hexdigest()}"

    def descriptor(self) -> dict[str, Any]:
        """Give the descriptor that names it."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data)}


@dataclass(frozen=True, slots=True)
class Artifact:
    """An artifact ready to be pushed: its manifest and every blob."""

    manifest: bytes
    blobs: tuple[Blob, ...]

    @property
    def digest(self) -> str:
        """The digest of the manifest: what Git names."""
        return f"sha256:{hashlib.sha256(self.manifest).hexdigest()}"


def build(folder: Path) -> Path:
    """Build the components of an app's folder into the user's cache; gives the folder with the built files.

    What was built from the same sources is used again. Raises InputError where a manifest can't be built, UnavailableError where a
    build command fails.
    """
    target = cache_folder() / "artifacts" / _sources_digest(folder)
    if target.is_dir():
        return target
    application = _application(folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="build-") as temporary:
        work = Path(temporary) / "app"
        shutil.copytree(folder, work)
        for component in application.components.values():
            _build_component(component, work)
        work.replace(target)
    return target


def assemble(folder: Path, wasm: Mapping[str, bytes] | None = None) -> Artifact:
    """Give the artifact of a built folder: layers, the locked app last. `wasm` gives components' binaries in place of files."""
    application = _application(folder)
    binaries = {
        name: wasm[name] if wasm is not None and name in wasm else _binary(component, folder)
        for name, component in application.components.items()
    }
    return assemble_application(application, binaries)


def assemble_application(application: Application, binaries: Mapping[str, bytes]) -> Artifact:
    """Give the artifact of an application and its components' binaries."""
    layers = {name: Blob(WASM_LAYER, data) for name, data in binaries.items()}
    locked = Blob(APPLICATION_LAYER, _json(_locked(application, {name: blob.digest for name, blob in layers.items()})))
    config = Blob(
        CONFIG_TYPE,
        _json(
            {
                "architecture": "wasm",
                "os": "Wasip1",
                "config": {"Labels": {LOCKED_APP_LABEL: locked.digest}},
                "rootfs": {"type": "layers", "diff_ids": []},
            }
        ),
    )
    unique = list({blob.digest: blob for blob in layers.values()}.values())
    annotations = {"org.opencontainers.image.created": _CREATED, "org.opencontainers.image.title": application.name}
    if application.version:
        annotations["org.opencontainers.image.version"] = application.version
    manifest = {
        "annotations": annotations,
        "config": config.descriptor(),
        "layers": [blob.descriptor() for blob in (*unique, locked)],
        "schemaVersion": 2,
    }
    return Artifact(_json(manifest), (config, *unique, locked))


def push(artifact: Artifact, host: str, repository: str, *, tag: str = "") -> str:
    """Push an artifact over plain HTTP to a loopback registry; gives its digest. Raises UnavailableError."""
    base = f"http://{host}/v2/{repository}"
    for blob in artifact.blobs:
        if _request("HEAD", f"{base}/blobs/{blob.digest}")[0] == 200:
            continue
        _, location = _request("POST", f"{base}/blobs/uploads/", b"", expect=202)
        target = location if location.startswith("http") else f"http://{host}{location}"
        joint = "&" if "?" in target else "?"
        _request("PUT", f"{target}{joint}digest={blob.digest}", blob.data, "application/octet-stream", expect=201)
    for name in filter(None, (artifact.digest, tag)):
        _request("PUT", f"{base}/manifests/{name}", artifact.manifest, MANIFEST, expect=201)
    return artifact.digest


def _application(folder: Path) -> Application:
    path = folder / "spin.toml"
    parsed = parse(path.read_bytes(), str(path))
    if parsed.application is None:
        raise InputError(f"{path} is not valid", problems=parsed.problems)
    return parsed.application


def _build_component(component: Component, work: Path) -> None:
    source = work / str(component.source)
    text = source.with_suffix(".wat")
    if text.is_file():
        import wasmtime

        source.write_bytes(wasmtime.wat2wasm(text.read_text(encoding="utf-8")))
        return
    commands = (component.build or {}).get("command")
    if commands is None:
        raise InputError(f"component {component.id} has no build command and {component.source} is not there")
    for command in [commands] if isinstance(commands, str) else commands:
        words = shlex.split(command)
        # The programs of our own environment first: componentize-py comes with the `demo` extra.
        environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
        try:
            answer = subprocess.run(words, cwd=work, env=environment, capture_output=True, text=True, check=False)
        except FileNotFoundError as error:
            raise UnavailableError(
                f"building {component.id}: there is no {words[0]}", hint="install spinfleet with its `demo` extra"
            ) from error
        if answer.returncode != 0:
            raise UnavailableError(f"building {component.id} failed: {(answer.stderr or answer.stdout).strip()[-500:]}")


def _binary(component: Component, folder: Path) -> bytes:
    path = folder / str(component.source)
    if not path.is_file():
        raise InputError(f"{path} is not there", hint="build the app first")
    return path.read_bytes()


def _sources_digest(folder: Path) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        builder = version("componentize-py")
    except PackageNotFoundError:
        builder = ""
    digest = hashlib.sha256(f"1 {builder}".encode())
    for path in sorted(folder.rglob("*")):
        # The App document names the digest of what is built; it is no source of it.
        if path.is_file() and path.suffix not in {".yaml", ".wasm", ".pyc"}:
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:24]


def _locked(application: Application, digests: Mapping[str, str]) -> dict[str, Any]:
    """Give the locked app as Spin's loader writes it (source: crates/locked-app, crates/loader)."""
    metadata: dict[str, Any] = {"name": application.name, "triggers": dict(application.trigger_settings)}
    metadata |= _present(version=application.version, description=application.description, authors=application.authors)
    kinds = {trigger.type for trigger in application.triggers}
    if len(kinds) == 1:
        kind = next(iter(kinds))
        metadata["trigger"] = {**application.trigger_settings.get(kind, {}), "type": kind}
    chaining = any(_chains(each) for each in application.components.values())
    locked: dict[str, Any] = {"spin_lock_version": 1 if chaining else 0, "metadata": metadata}
    if chaining:
        locked["must_understand"] = ["component_host_requirements"]
    if application.variables:
        locked["variables"] = {
            name: {
                **({} if each.default is None else {"default": each.default}),
                **({"secret": True} if each.secret else {}),
            }
            for name, each in sorted(application.variables.items())
        }
    locked["triggers"] = [
        {
            "id": each.id or f"{each.component}-{each.type}-trigger",
            "trigger_type": each.type,
            "trigger_config": {**({} if each.component is None else {"component": each.component}), **each.config},
        }
        for each in application.triggers
    ]
    locked["components"] = [_locked_component(each, digests[each.id]) for each in application.components.values()]
    return locked


def _locked_component(component: Component, digest: str) -> dict[str, Any]:
    metadata = _present(
        ai_models=component.ai_models,
        allowed_outbound_hosts=component.allowed_outbound_hosts,
        databases=component.sqlite_databases,
        description=component.description,
        key_value_stores=component.key_value_stores,
    )
    found: dict[str, Any] = {"id": component.id}
    if metadata:
        found["metadata"] = metadata
    found["source"] = {"content_type": "application/wasm", "digest": digest}
    found |= _present(env=component.environment, config=component.variables)
    if _chains(component):
        found["host_requirements"] = {"local_service_chaining": "required"}
    return found


def _chains(component: Component) -> bool:
    return any(map(chained_component, component.allowed_outbound_hosts))


def _present(**fields: Iterable[Any] | str) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items() if value}


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _request(
    method: str, url: str, data: bytes | None = None, content_type: str = "", *, expect: int = 0
) -> tuple[int, str]:
    request = urllib.request.Request(url, data, {"Content-Type": content_type} if content_type else {}, method=method)  # noqa: S310 - http to ourselves
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            status, location = answer.status, answer.headers.get("Location", "")
    except urllib.error.HTTPError as error:
        status, location = error.code, ""
    except OSError as error:
        raise UnavailableError(f"{method} {url}: {error}") from error
    if expect and status != expect:
        raise UnavailableError(f"{method} {url}: HTTP {status}")
    return status, location
