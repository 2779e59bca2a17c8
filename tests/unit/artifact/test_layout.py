"""The layout is read as the shim reads it: whatever is not plainly a Spin artifact is refused, each with its reason."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.artifact.layout import APPLICATION_LAYER, LOCKED_APP_LABEL, check_config, layout_of
from reconciler.artifact.locked_app import locked_app
from reconciler.errors import ArtifactError
from tests.unit.artifact.making import BUSY, Change, artifact, layer, manifest

IMAGE = "application/vnd.oci.image.layer.v1.tar+gzip"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=8), below, max_size=4),
    max_leaves=12,
)


def test_what_our_own_publishing_makes_is_read_whole() -> None:
    made = artifact()
    layout = layout_of(made.manifest)
    check_config(made.blobs[0].data, layout)
    app = locked_app(made.blobs[-1].data, layout)
    assert app.name == "a"
    assert [component.id for component in app.components] == ["main"]
    assert [each.digest for each in layout.wasm] == [app.components[0].digest]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda d: d.update(schemaVersion=1), "artifact.manifest", "schemaVersion 2"),
        (lambda d: d.update(schemaVersion=True), "artifact.manifest", "schemaVersion 2"),
        (lambda d: d.update(manifests=[]), "artifact.image-index", "image index"),
        (
            lambda d: d.update(mediaType="application/vnd.oci.image.index.v1+json"),
            "artifact.image-index",
            "image index",
        ),
        (
            lambda d: d.update(layers=[layer(IMAGE), layer("application/vnd.docker.image.rootfs.diff.tar.gzip")]),
            "artifact.container-image",
            "ordinary container image",
        ),
        (lambda d: d.update(layers=[]), "artifact.layers", "has no layers"),
        (lambda d: d.update(layers={}), "artifact.manifest", "not a list"),
        (lambda d: d.update(layers=d["layers"] * 600), "artifact.layers", "between 1 and 1000"),
        (lambda d: d["layers"].append(d["layers"][-1]), "artifact.application-layer", "several locked apps"),
        (lambda d: d["config"].update(mediaType=APPLICATION_LAYER), "artifact.application-layer", "several locked"),
        (lambda d: d["layers"].append(layer("application/x-evil")), "artifact.layer-type", "application/x-evil"),
        (lambda d: d["layers"].append(layer(IMAGE)), "artifact.layer-type", "unknown media type"),
        (lambda d: d["layers"].pop(), "artifact.config", "names a locked app"),
        (
            lambda d: d.update(layers=[layer("application/wasm"), layer("application/wasm")]),
            "artifact.application-layer",
            "not a single",
        ),
        (lambda d: d["layers"][0].update(size=9 * 10**18), "artifact.size", "at most"),
        (lambda d: d["layers"][0].update(size=-1), "artifact.size", "at most"),
        (lambda d: d["layers"][0].update(size=True), "artifact.size", "at most"),
        (lambda d: d["layers"][0].update(size="1"), "artifact.size", "at most"),
        (lambda d: d["layers"][-1].update(size=5 * 1024 * 1024), "artifact.size", "its locked app has"),
        (lambda d: d["layers"][0].update(digest="sha512:" + "b" * 128), "artifact.manifest", "no sha256 digest"),
        (lambda d: d["layers"][0].update(digest="sha256:../../etc/passwd"), "artifact.manifest", "no sha256 digest"),
        (lambda d: d["layers"][0].update(mediaType=5), "artifact.manifest", "no media type"),
        (lambda d: d["layers"].append("x"), "artifact.manifest", "a descriptor is missing"),
        (lambda d: d.pop("config"), "artifact.manifest", "descriptor is missing"),
    ],
)
def test_odd_manifests_are_refused(change: Change, code: str, words: str) -> None:
    with pytest.raises(ArtifactError, match=words) as caught:
        check_config(artifact().blobs[0].data, layout_of(manifest(change)))
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'"x"',
        b"[" * 100_000,
        b'{"schemaVersion":2,"schemaVersion":2}',
        b"\xff\xfe",
        '{"schemaVersion":2}'.encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b'{"a":NaN}',
        b'{"a":"\\ud800"}',
        b'{"a":' + b"9" * 10_000 + b"}",
    ],
)
def test_what_is_no_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(ArtifactError):
        layout_of(data)


def test_a_flood_of_layers_is_refused_before_it_is_read() -> None:
    with pytest.raises(ArtifactError, match="more than 100000 values"):
        layout_of(b'{"schemaVersion":2,"layers":[' + b"{}," * 100_000 + b"{}]}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: c["config"]["Labels"].update({LOCKED_APP_LABEL: "sha256:" + "d" * 64}), "another locked app"),
        (lambda c: c["config"]["Labels"].update({LOCKED_APP_LABEL: 5}), "another locked app"),
        (lambda c: c.update(architecture="amd64"), "architecture wasm"),
        (lambda c: c.update(os="linux"), "architecture wasm"),
        (lambda c: c.update(spin_lock_version=1), "another one among the layers"),
        (lambda c: c.update(config=[]), "not a JSON object"),
    ],
)
def test_the_config_must_be_that_of_the_locked_app_that_is_there(change: Change, words: str) -> None:
    made = artifact()
    config = json.loads(made.blobs[0].data)
    change(config)
    with pytest.raises(ArtifactError, match=words):
        check_config(json.dumps(config).encode(), layout_of(made.manifest))


def test_artifacts_of_before_spin_2_4_have_no_label() -> None:
    config = b'{"architecture":"wasm","os":"wasip1","rootfs":{"type":"layers","diff_ids":[]}}'
    check_config(config, layout_of(artifact().manifest))


def test_artifacts_of_before_spin_2_keep_the_locked_app_in_the_config() -> None:
    def legacy(document: dict[str, object]) -> None:
        layers = document["layers"]
        assert isinstance(layers, list)
        document["config"] = layers.pop()

    made, layout = artifact(), layout_of(manifest(legacy))
    assert layout.legacy
    check_config(made.blobs[-1].data, layout)
    assert locked_app(made.blobs[-1].data, layout).name == "a"


def test_a_single_wasm_layer_is_the_other_known_layout() -> None:
    layout = layout_of(manifest(lambda d: d.update(layers=[layer("application/wasm")])))
    assert layout.application is None
    assert len(layout.wasm) == 1
    check_config(b'{"architecture":"wasm","os":"wasip2"}', layout)
    with pytest.raises(ArtifactError, match="architecture 'amd64'"):
        check_config(b'{"architecture":"amd64"}', layout)


@BUSY
@given(JSON, st.sampled_from(["config", "layers", "schemaVersion", "mediaType"]))
def test_no_manifest_crashes_the_reader(value: object, field: str) -> None:
    document = json.loads(artifact().manifest)
    document[field] = value
    try:
        layout_of(json.dumps(document).encode())
    except ArtifactError:
        return
