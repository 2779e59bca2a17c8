"""What registries and publishers say: manifests, locked apps, signatures, keys, logins; and what stands in their addresses."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from reconciler.artifact.as_manifest import as_manifest
from reconciler.artifact.challenge import challenge_of, token_of
from reconciler.artifact.docker_config import login_of
from reconciler.artifact.json_text import parse_json
from reconciler.artifact.layout import MAX_JSON, check_config, layout_of
from reconciler.artifact.locked_app import check_file_layers, locked_app
from reconciler.artifact.patterns import matches_path
from reconciler.artifact.reference import parse_reference
from reconciler.artifact.signatures.claims import SIGNATURE_ANNOTATION, claim_of
from reconciler.artifact.signatures.log_entry import entry_of_annotation, entry_of_bundle
from reconciler.artifact.signatures.model import Candidate, Storage
from reconciler.errors import SpinfleetError
from reconciler.public_keys import load_der_key, load_public_key
from tests.fuzz.model import ROOT, Target, texts
from tests.unit.artifact.making import artifact, locked

_FILES = """\
spin_manifest_version = 2
[application]
name = "a"
version = "1.0.0"
[variables]
token = { required = true, secret = true }
host = { default = "example.com" }
[[trigger.http]]
route = "/..."
component = "main"
[[trigger.redis]]
channel = "{{ host }}"
component = "b"
[component.main]
source = "m.wasm"
allowed_outbound_hosts = ["https://{{ host }}:443", "*://*:*"]
key_value_stores = ["default"]
environment = { A = "b" }
[component.main.variables]
t = "{{ token }}"
[component.b]
source = "b.wasm"
sqlite_databases = ["default"]
ai_models = ["llama2-chat"]
"""
_DIGEST = "sha256:" + "a" * 64


def _recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "tests/artifacts/cosign/keyed.json").read_text())
    return found


def _layouts() -> list[bytes]:
    return [artifact().manifest, artifact(_FILES).manifest, *(each.encode() for each in _recorded()["manifests"].values())]  # fmt: skip


def _layout(data: bytes) -> None:
    layout_of(data)


def _config(data: bytes) -> None:
    check_config(data, layout_of(artifact().manifest))


def _locked(data: bytes) -> None:
    app = locked_app(data, locked(text=_FILES)[1])
    check_file_layers(app, locked(text=_FILES)[1], ())
    try:
        text = as_manifest(app, "ghcr.io/acme/a@sha256:…")
    except TypeError:
        return
    assert text.startswith("#")


def _claims(data: bytes) -> None:
    for storage in Storage:
        for noted in ({}, {SIGNATURE_ANNOTATION: data[:200].decode("utf-8", "replace")}):
            _quiet(claim_of, Candidate(origin="it", storage=storage, content=data, annotations=noted), _DIGEST)


def _entries(data: bytes) -> None:
    _quiet(entry_of_annotation, data.decode("utf-8", "replace"), "it")
    entry_of_bundle(parse_json(data, "it"), "it")


def _quiet(read: Callable[..., object], *arguments: object) -> None:
    try:
        read(*arguments)
    except SpinfleetError:
        return


def _key(data: bytes) -> None:
    _quiet(load_der_key, data)
    key = load_public_key(data)
    key.verifies(data, data)


def _docker(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for host in ("ghcr.io", "registry-1.docker.io"):
        _quiet(login_of, text, host)


def _answers(data: bytes) -> None:
    challenge_of([data.decode("utf-8", "replace")])
    token_of(data, "ghcr.io")


def _words(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    matches_path(text, "assets/js/app.js")
    matches_path("**/*.js", text)
    parse_reference(text)


TARGETS = {
    "oci-manifest": Target(room="artifact", parse=_layout, seeds=_layouts, values=lambda: list(map(json.loads, _layouts())), most=MAX_JSON, count=1000),
    "oci-config": Target(
        room="artifact", parse=_config, seeds=lambda: [artifact().blobs[0].data, *(blob.data for blob in artifact(_FILES).blobs if blob.data.startswith(b"{"))], most=MAX_JSON, count=600
    ),
    "locked-app": Target(
        room="artifact", parse=_locked, seeds=lambda: [locked(text=_FILES)[0]], values=lambda: [json.loads(locked(text=_FILES)[0])], most=MAX_JSON, count=600
    ),
    "signatures": Target(
        room="artifact",
        parse=_claims,
        seeds=lambda: [base64.b64decode(each) for each in _recorded()["blobs"].values()],
        values=lambda: [json.loads(data) for each in _recorded()["blobs"].values() if (data := base64.b64decode(each)).startswith(b"{")],
        most=MAX_JSON,
        count=800,
    ),
    "log-entries": Target(
        room="artifact",
        parse=_entries,
        seeds=lambda: texts(
            json.dumps({"SignedEntryTimestamp": "AAAA", "Payload": {"body": "e30=", "integratedTime": 1, "logIndex": 2, "logID": "ab" * 32}}),
            json.dumps({"logIndex": "1", "logId": {"keyId": "AAAA"}, "integratedTime": "1", "canonicalizedBody": "e30=", "inclusionPromise": {"signedEntryTimestamp": "AAAA"},
                        "inclusionProof": {"logIndex": "1", "treeSize": "2", "rootHash": "AAAA", "hashes": ["AAAA"], "checkpoint": {"envelope": "rekor\n2\nAAAA\n\n— rekor AAAA\n"}}}),
        ),
        most=256 * 1024,
        count=800,
    ),
    "public-key": Target(room="artifact", parse=_key, seeds=lambda: [key.encode() for key in _recorded()["keys"].values()], most=1024 * 1024, count=1000),
    "docker-config": Target(
        room="artifact",
        parse=_docker,
        seeds=lambda: texts(json.dumps({"auths": {"ghcr.io": {"auth": "dTpw"}, "https://index.docker.io/v1/": {"username": "u", "password": "p"}}, "credHelpers": {"a": "b"}, "credsStore": "c"})),
        most=1024 * 1024,
        count=800,
    ),
    "registry-answers": Target(
        room="artifact",
        parse=_answers,
        seeds=lambda: texts('Bearer realm="https://auth.example/token",service="registry",scope="a", Basic realm=x', '{"token": "abc", "expires_in": 300, "issued_at": "2026-01-01T00:00:00Z"}'),
        most=64 * 1024,
        count=800,
    ),
    "artifact-words": Target(
        room="artifact", parse=_words, seeds=lambda: texts("ghcr.io/acme/a:v1@sha256:" + "a" * 64, "localhost:5000/a", "assets/**/*.{js,css}", "a/[!b]?", "**/x/**/y"), most=256 * 1024, count=1200
    ),
}  # fmt: skip
