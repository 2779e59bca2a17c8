"""What reaches the agent from Git hosts and from its own API server."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import yaml

from reconciler.agent.fleetsync import duration_seconds
from reconciler.agent.fleetsync import parse as parse_fleetsync
from reconciler.agent.webhook import signed
from reconciler.errors import SpinfleetError
from reconciler.fleet.cache import canonical
from reconciler.git.names import odd_name, valid_commit, valid_ref
from reconciler.git.signers import signers_of
from reconciler.git.source import Source, check, shown_url
from reconciler.git.sshsig import load_key, parse_signature
from reconciler.openapi.definitions import custom_kinds
from reconciler.openapi.judge import Api, judge
from reconciler.problems import Severity
from tests.fuzz.model import ROOT, Target, files, texts

_SSHSIG = """\
-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgD93qzR3gODNB4fW44bSGIRxQQt2w9YkWmyn/zLT0WIkAAAADZ2l0AAAAAAAA
AAZzaGE1MTIAAABTAAAAC3NzaC1lZDI1NTE5AAAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
AAAAAAAAAAAAAAAAAAAAAAAAAAA=
-----END SSH SIGNATURE-----
"""
_ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA/d6s0d4DgzQeH1uOG0hiEcUELdsPWJFpsp/8y09FiJ"
_SYNC: dict[str, Any] = {
    "apiVersion": "spinfleet.dev/v1alpha1",
    "kind": "FleetSync",
    "metadata": {"name": "fleet", "namespace": "spinfleet", "uid": "1", "resourceVersion": "2", "generation": 1, "annotations": {"spinfleet.dev/suspended-apps": "a, b"}},
    "spec": {
        "cluster": "eu",
        "source": {"url": "https://git.example/fleet.git", "branch": "main", "path": ".", "interval": "1m", "secretRef": {"name": "git"}, "verify": {"keys": [_ED25519]}},
        "suspend": False,
        "prune": True,
        "deletionPolicy": "Orphan",
        "serviceAccountName": "fleet",
        "decryption": {"secretRef": {"name": "keys"}},
        "policy": {
            "namespaces": ["shop"], "kinds": ["ConfigMap"], "adoption": "Never", "requireDigest": True, "unsigned": "Deny", "prune": {"maxFraction": 0.2, "maxObjects": 5},
            "registries": [{"prefix": "ghcr.io/acme", "secretRef": {"name": "login"}}], "signatures": [{"match": "**", "keys": [{"name": "a", "file": "a.pub"}]}],
        },
    },
}  # fmt: skip


def _api() -> Api:
    definitions = [
        each for path in sorted((ROOT / "deploy/crds").glob("*.yaml")) for each in yaml.safe_load_all(path.read_text())
    ]
    return Api(custom=custom_kinds(each for each in definitions if each and each.get("kind") == "CustomResourceDefinition"))  # fmt: skip


_API = _api()


def _fleetsync(data: bytes) -> None:
    """What the API server's schema takes, the agent can read: it says which field is wrong, or what it means."""
    obj = json.loads(data)
    if not isinstance(obj, dict) or any(obj.get(name) != _SYNC[name] for name in ("apiVersion", "kind", "metadata")):
        return  # what the server itself writes
    if any(each.severity is Severity.ERROR for each in judge(obj, _API)):
        return
    parse_fleetsync(obj)


def _signers(data: bytes) -> None:
    signers_of([data.decode("utf-8", "replace")])


def _signature(data: bytes) -> None:
    with suppress(SpinfleetError):
        load_key(data)
    parse_signature(data.decode("utf-8", "replace")).verifies(b"x")


def _hook(data: bytes) -> None:
    assert not signed(data, data[:200].decode("latin-1"), (b"0123456789abcdef",))
    assert not signed(b"x", data.decode("utf-8", "replace"), (b"0123456789abcdef",))


def _words(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    odd_name(text)
    valid_ref(text)
    valid_commit(text)
    shown_url(text)
    for source in (Source(url=text, branch="main"), Source(url="https://git.example/x", branch=text)):
        try:
            check(source)
        except SpinfleetError:
            continue
    canonical({text: text})
    duration_seconds(text)


TARGETS = {
    "fleetsync": Target(room="agent", parse=_fleetsync, values=lambda: [_SYNC], raises=(SpinfleetError, json.JSONDecodeError, UnicodeDecodeError), most=1024 * 1024, count=900),
    "git-signers": Target(
        room="git",
        parse=_signers,
        seeds=lambda: [*texts(_ED25519, f'a@b.c namespaces="git",valid-after="20260101" {_ED25519} x\n# y\n'), *files("tests/unit/sops/files/*.pub")],
        most=1024 * 1024,
        count=750,
    ),
    "git-signature": Target(room="git", parse=_signature, seeds=lambda: texts(_SSHSIG), most=1024 * 1024, count=600),
    "webhook": Target(room="agent", parse=_hook, seeds=lambda: texts("sha256=" + "a" * 64, '{"ref": "refs/heads/main"}'), most=1024 * 1024, count=600),
    "git-words": Target(
        room="git",
        parse=_words,
        seeds=lambda: texts("https://git.example/fleet.git", "ssh://git@git.example:2222/a", "git@git.example:a/b.git", "refs/heads/main", "release/1.2", "apps", ".git", "1h30m"),
        most=256 * 1024,
        count=1200,
    ),
}  # fmt: skip
