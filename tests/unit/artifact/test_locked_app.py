"""What the runtime is told to run is read strictly: what it would fail on, or read another way than it is written, is refused."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.artifact.json_text import parse_json
from reconciler.artifact.layout import layout_of
from reconciler.artifact.locked_app import check_file_layers
from reconciler.errors import ArtifactError
from tests.unit.artifact.making import BUSY, DIGEST, WASM, Change, artifact, first, layer, manifest, read
from tests.unit.artifact.test_layout import JSON

HELLO = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (lambda d: d.update(spin_lock_version=2), "locked-app", "version 0 or 1"),
        (lambda d: d.update(spin_lock_version=True), "locked-app", "version 0 or 1"),
        (lambda d: d.update(spin_lock_version=1.0), "locked-app", "version 0 or 1"),
        (lambda d: d.update(must_understand=["telepathy"]), "must-understand", "telepathy"),
        (lambda d: d.update(host_requirements={"telepathy": "required"}), "host-requirement", "telepathy"),
        (lambda d: d.update(host_requirements={"telepathy": 1}), "host-requirement", "telepathy"),
        (lambda d: first(d).update(host_requirements={"telepathy": "required"}), "host-requirement", "telepathy"),
        (lambda d: d.update(components=[]), "locked-app", "no components"),
        (lambda d: d.update(components=d["components"] * 2000), "locked-app", "between 1 and 1000"),
        (lambda d: first(d).pop("id"), "locked-app", "has no id"),
        (lambda d: first(d).update(id="../../etc"), "locked-app", "no plain name"),
        (lambda d: first(d).update(dependencies={"a:b/c": {}}), "dependencies", "not composed"),
        (lambda d: d["triggers"][0].update(trigger_dependencies={"m": [{}]}), "dependencies", "not composed"),
        (lambda d: first(d)["source"].update(digest="sha256:" + "c" * 64), "component-layer", "none of the Wasm"),
        (lambda d: first(d)["source"].pop("digest"), "component-layer", "no digest"),
        (lambda d: first(d)["source"].update(inline="***"), "inline", "not base64"),
        (lambda d: first(d)["source"].update(inline="aGVsbG8"), "inline", "another digest"),
        (lambda d: first(d).update(files=[{"path": "a", "inline": "aGVsbG8="}]), "inline", "without padding"),
        (lambda d: first(d).update(files=[{"path": "a", "inline": "aGVsbG9"}]), "inline", "not base64"),
        (lambda d: first(d).update(files=[{"path": "a", "inline": 5}]), "inline", "not base64"),
        (lambda d: first(d).update(files=[{"path": "a", "inline": "aGVsbG8", "digest": DIGEST}]), "inline", "another"),
        (lambda d: first(d).update(files=[{"path": "a"}]), "locked-app", "neither digest nor content"),
        (lambda d: first(d).update(files=[{"path": "a", "digest": "../x"}]), "locked-app", "is none"),
        *(
            (lambda d, path=path: first(d).update(files=[{"path": path, "digest": DIGEST}]), "file-path", "not plain")
            for path in [
                "../../etc/passwd",
                "/etc/passwd",
                "a//b",
                "a/./b",
                "",
                ".",
                "a/",
                "a\\..\\b",
                "a\0b",
                "a" * 2000,
            ]
        ),
        (lambda d: first(d).update(files=[{"path": "a", "digest": DIGEST}] * 2), "file-path", "one path"),
        (
            lambda d: first(d).update(files=[{"path": each, "digest": DIGEST} for each in ("a", "a/b")]),
            "file-path",
            "one path",
        ),
        (lambda d: first(d).update(files=5), "locked-app", "not a list"),
        (lambda d: first(d).update(files=[{"path": 5}]), "locked-app", "not text"),
        (lambda d: first(d).update(env={"A": 1}), "locked-app", "not text"),
        (lambda d: first(d).update(config=[]), "locked-app", "not a JSON object"),
        (lambda d: first(d).update(metadata={"key_value_stores": [5]}), "locked-app", "not a list of text"),
        (lambda d: first(d).update(metadata={"key_value_stores": "all"}), "locked-app", "not a list"),
        (lambda d: d["components"].append(first(d)), "locked-app", "same id"),
        (lambda d: d.update(triggers=["x"]), "locked-app", "not a JSON object"),
        (lambda d: d.update(triggers=d["triggers"] * 2001), "locked-app", "at most 2000"),
        (lambda d: d["triggers"][0].pop("trigger_type"), "locked-app", "no type"),
        (lambda d: d["triggers"][0]["trigger_config"].update(component="ghost"), "locked-app", "'ghost'"),
        (lambda d: d["triggers"][0]["trigger_config"].update(component={"id": "main"}), "locked-app", "not there"),
        (lambda d: d.update(variables={"a": {"default": 1}}), "locked-app", "default is not text"),
        (lambda d: d.update(variables={"a": {"secret": "yes"}}), "locked-app", "true or false"),
        (lambda d: d["metadata"].update(name=5), "locked-app", "not text"),
        (lambda d: d["metadata"].update(trigger={"type": "http", "base": "/x"}), "locked-app", "stand twice"),
    ],
)
def test_locked_apps_that_the_runtime_would_refuse_are_refused(change: Change, code: str, words: str) -> None:
    with pytest.raises(ArtifactError, match=words) as caught:
        read(change)
    assert caught.value.code == f"artifact.{code}"
    assert caught.value.hint


def test_optional_host_requirements_and_unknown_fields_are_fine() -> None:
    app = read(lambda d: d.update(host_requirements={"telepathy": "optional"}, some_day={"a": 1}))
    assert app.requirements == frozenset()


def test_small_wasm_is_inline_and_a_layer_as_well() -> None:
    text = base64.b64encode(WASM).decode().rstrip("=")
    assert read(lambda d: first(d)["source"].update(inline=text)).components[0].digest == artifact().blobs[1].digest


def test_inline_files_are_known_by_the_digest_of_their_content() -> None:
    app = read(lambda d: first(d).update(files=[{"path": "a/hello.txt", "inline": "aGVsbG8", "digest": HELLO}]))
    assert [(file.path, file.digest, file.inline) for file in app.components[0].files] == [("a/hello.txt", HELLO, True)]


def test_the_settings_of_a_single_trigger_type_may_stand_in_the_older_place() -> None:
    def older(document: dict[str, object]) -> None:
        document["metadata"] = {"name": "a", "trigger": {"type": "redis", "address": "redis://r"}}

    assert read(older).settings == {"redis": {"address": "redis://r"}}


def test_files_must_be_in_a_layer_an_archive_or_the_locked_app() -> None:
    app = read(lambda d: first(d).update(files=[{"path": "a", "digest": DIGEST}, {"path": "b", "inline": "aGVsbG8"}]))
    bare = layout_of(artifact().manifest)
    with pytest.raises(ArtifactError, match="file 'a'") as caught:
        check_file_layers(app, bare, ())
    assert caught.value.code == "artifact.file-layer"
    check_file_layers(app, bare, {DIGEST})
    data = layer("application/vnd.wasm.content.layer.v1+data")
    check_file_layers(app, layout_of(manifest(lambda d: d["layers"].insert(0, data))), ())


@BUSY
@given(
    JSON,
    st.sampled_from(
        ["components", "triggers", "metadata", "variables", "must_understand", "host_requirements", "spin_lock_version"]
    ),
)
def test_no_locked_app_crashes_the_reader(value: object, field: str) -> None:
    try:
        read(lambda d: d.update({field: value}))
    except ArtifactError:
        return


@BUSY
@given(
    JSON, st.sampled_from(["id", "source", "metadata", "env", "files", "config", "host_requirements", "dependencies"])
)
def test_no_component_crashes_the_reader(value: object, field: str) -> None:
    try:
        read(lambda d: first(d).update({field: value}))
    except ArtifactError:
        return


@pytest.mark.parametrize("opened", ["[", '{"a":'])
def test_a_setting_nested_too_deep_for_its_readers_is_refused(opened: str) -> None:
    closed = "]" if opened == "[" else "}"
    with pytest.raises(ArtifactError, match="nested deeper than 100"):
        parse_json((opened * 101 + "1" + closed * 101).encode(), "it")
    parse_json((opened * 100 + "1" + closed * 100).encode(), "it")
