"""The layout is read as the shim reads it: whatever is not plainly a Spin artifact is refused, each with its reason."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.artifact.layout import LOCKED_APP_LABEL, Layout, check_config, layout_of, locked_app
from reconciler.errors import ArtifactError
from reconciler.local.publish import Artifact, assemble_application
from reconciler.manifest import parse

MANIFEST = b'spin_manifest_version = 2\n[application]\nname = "a"\n[[trigger.http]]\nroute = "/..."\ncomponent = "main"\n[component.main]\nsource = "m.wasm"\n'
WASM = b"\0asm\x01\0\0\0" * 20


def artifact() -> Artifact:
    application = parse(MANIFEST, "spin.toml").application
    assert application is not None
    return assemble_application(application, {"main": WASM})


def manifest(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(artifact().manifest)
    change(document)
    return json.dumps(document).encode()


def layer(media_type: str, **fields: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": "sha256:" + "b" * 64, "size": 10, **fields}


def test_what_our_own_publishing_makes_is_read_whole() -> None:
    made = artifact()
    layout = layout_of(made.manifest)
    check_config(made.blobs[0].data, layout)
    app = locked_app(made.blobs[-1].data, layout)
    assert app.name == "a"
    assert [component.id for component in app.components] == ["main"]
    assert [each.digest for each in layout.wasm] == [app.components[0].digest]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(schemaVersion=1), "schemaVersion 2"),
        (lambda d: d.update(manifests=[]), "image index"),
        (lambda d: d.update(mediaType="application/vnd.oci.image.index.v1+json"), "image index"),
        (lambda d: d.update(layers=[]), "no layers"),
        (lambda d: d.update(layers=d["layers"] * 600), "more than 1000"),
        (lambda d: d["layers"].append(d["layers"][-1]), "several application layers"),
        (lambda d: d["layers"].append(layer("application/x-evil")), "unknown media type"),
        (lambda d: d["layers"].pop(0), "no application layer|none of the Wasm"),
        (lambda d: d.update(layers=[layer("application/vnd.oci.image.layer.v1.tar+gzip")]), "no Spin application"),
        (lambda d: d["layers"][0].update(size=9 * 10**18), "at most"),
        (lambda d: d["layers"][0].update(size=-1), "at most"),
        (lambda d: d["layers"][0].update(size=True), "at most"),
        (lambda d: d["layers"][0].update(digest="sha512:" + "b" * 128), "no sha256 digest"),
        (lambda d: d["layers"][0].update(digest="sha256:../../etc/passwd"), "no sha256 digest"),
        (lambda d: d.pop("config"), "descriptor is missing"),
    ],
)
def test_odd_manifests_are_refused(change: Callable[[dict[str, Any]], object], words: str) -> None:
    with pytest.raises(ArtifactError, match=words):
        locked_app(artifact().blobs[-1].data, layout_of(manifest(change)))


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"null", b"{", b'"x"', b"[" * 100_000, b'{"schemaVersion":2,"schemaVersion":2}', b"\xff\xfe"]
)
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(ArtifactError):
        layout_of(data)


def _locked(change: Callable[[dict[str, Any]], object]) -> tuple[bytes, Layout]:
    made = artifact()
    document = json.loads(made.blobs[-1].data)
    change(document)
    return json.dumps(document).encode(), layout_of(made.manifest)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(spin_lock_version=2), "version 0 or 1"),
        (lambda d: d.update(must_understand=["telepathy"]), "telepathy"),
        (lambda d: d.update(host_requirements={"telepathy": "required"}), "telepathy"),
        (lambda d: d.update(components=[]), "no components"),
        (lambda d: d["components"][0].pop("id"), "has no id"),
        (lambda d: d["components"][0].update(dependencies={"a:b/c": {}}), "composition|composed"),
        (lambda d: d["components"][0]["source"].update(digest="sha256:" + "c" * 64), "none of the Wasm layers"),
        (lambda d: d["components"][0]["source"].update(inline="***"), "not base64"),
        (lambda d: d["components"][0].update(files=[{"path": "../../etc/passwd"}]), "not plain"),
        (lambda d: d["components"][0].update(files=[{"path": "a//b"}]), "not plain"),
        (lambda d: d["components"][0].update(files=[{"path": "a\\..\\b"}]), "not plain"),
        (lambda d: d.update(triggers=["x"]), "not a JSON object"),
        (
            lambda d: d["components"].insert(
                0, {**d["components"][0], "metadata": {"allowed_outbound_hosts": ["https://*:*"]}}
            ),
            "same id",
        ),
        (lambda d: d["components"][0].update(files=5), "not a list"),
        (lambda d: d["components"][0].update(files=[{"path": 5}]), "not plain"),
        (lambda d: d["components"][0]["source"].update(inline="AAAA"), "another digest"),
        (lambda d: d.update(must_understand="telepathy"), "not a list"),
    ],
)
def test_locked_apps_that_the_runtime_would_refuse_are_refused(
    change: Callable[[dict[str, Any]], object], words: str
) -> None:
    with pytest.raises(ArtifactError, match=words):
        locked_app(*_locked(change))


def test_optional_host_requirements_and_inline_wasm_are_fine() -> None:
    inline = base64.b64encode(b"\0asm\x01\0\0\0").decode().rstrip("=")
    data, layout = _locked(
        lambda d: (
            d.update(host_requirements={"telepathy": "optional"}),
            d["components"][0].update(source={"inline": inline}),
        )
    )
    assert locked_app(data, layout).components[0].inline == b"\0asm\x01\0\0\0"


def test_the_config_must_name_the_locked_app_that_is_there() -> None:
    made = artifact()
    config = json.loads(made.blobs[0].data)
    config["config"]["Labels"][LOCKED_APP_LABEL] = "sha256:" + "d" * 64
    with pytest.raises(ArtifactError, match="another locked app"):
        check_config(json.dumps(config).encode(), layout_of(made.manifest))
    config["architecture"] = "amd64"
    with pytest.raises(ArtifactError, match="architecture wasm"):
        check_config(json.dumps(config).encode(), layout_of(made.manifest))


def test_a_single_wasm_layer_is_the_other_known_layout() -> None:
    layout = layout_of(manifest(lambda d: d.update(layers=[layer("application/wasm")])))
    assert layout.application is None
    assert len(layout.wasm) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=8), below, max_size=4),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["config", "layers", "schemaVersion", "mediaType"]))
def test_no_manifest_crashes_the_reader(value: object, field: str) -> None:
    document = json.loads(artifact().manifest)
    document[field] = value
    try:
        layout_of(json.dumps(document).encode())
    except ArtifactError:
        return


@given(
    JSON,
    st.sampled_from(
        ["components", "triggers", "metadata", "variables", "must_understand", "host_requirements", "spin_lock_version"]
    ),
)
def test_no_locked_app_crashes_the_reader(value: object, field: str) -> None:
    try:
        locked_app(*_locked(lambda d: d.update({field: value})))
    except ArtifactError:
        return
