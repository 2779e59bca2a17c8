"""Manifests of applications, and the words in them."""

from __future__ import annotations

from reconciler.manifest import parse
from reconciler.manifest.capabilities import capabilities_of
from reconciler.manifest.dependency_rules import registry_fault
from reconciler.manifest.globs import files_fault, pattern_fault
from reconciler.manifest.hosts import chained_component, host_fault, http_host_fault, outbound_of_http
from reconciler.manifest.ids import kebab_fault, label_fault, package_fault, repaired, snake_fault
from reconciler.manifest.target import check_target
from reconciler.manifest.templates import names, parts, replaced
from reconciler.manifest.toml_text import MAX_BYTES
from reconciler.manifest.toml_text import read as read_toml
from reconciler.manifest.url_hosts import host_fault as url_host_fault
from reconciler.manifest.url_hosts import http_url_fault
from reconciler.manifest.versions import is_requirement, version
from reconciler.problems import Severity, has_errors
from reconciler.schema_check import check
from tests.fuzz.model import CORPUS, Target, files, texts

#: One value of a manifest: a host, a pattern, a template. A whole file may be one.
WORD = MAX_BYTES


def _manifest(data: bytes) -> None:
    parsed = parse(data, "spin.toml")
    assert (parsed.application is None) == has_errors(parsed.problems)
    assert all(each.line for each in parsed.problems if each.severity is Severity.ERROR and len(data) <= MAX_BYTES)
    if parsed.application is not None:
        capabilities_of(parsed.application)
        for spin in (None, "2.6", "3.5", "4.1"):
            check_target(parsed.application, spin=spin, components=list(parsed.application.components)[:1])


def _runtime_config(data: bytes) -> None:
    text = read_toml(data, "runtime-config.toml")
    if text.value is not None:
        check(text.value, "runtime-config", path="a.toml", places=text.place, prefix="runtime-config")


def _words(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    for judge in (host_fault, http_host_fault, url_host_fault, kebab_fault, snake_fault, label_fault, package_fault):
        assert isinstance(judge(text), str)
    for judge in (pattern_fault, files_fault, registry_fault, repaired, chained_component):
        assert isinstance(judge(text), str)
    http_url_fault(text)
    outbound_of_http([text])
    version(text)
    is_requirement(text)
    names(text)
    if parts(text) is not None:
        replaced(text, {"a": "x" * 100})


TARGETS = {
    "spin-toml": Target(
        room="manifest",
        parse=_manifest,
        seeds=lambda: files("tests/schemas/spin-v[12]/*/*.toml", "fleet-example/**/spin.toml", "tests/golden/*/fleet/**/spin.toml"),
        corpus=lambda: files("spin/**/*.toml", "spin-mutants/**/*.toml", root=CORPUS),
        most=MAX_BYTES + 100,
        count=2700,
    ),
    "runtime-config": Target(
        room="manifest",
        parse=_runtime_config,
        seeds=lambda: files("tests/schemas/runtime-config/*/*.toml"),
        most=MAX_BYTES + 100,
        count=900,
    ),
    "manifest-words": Target(
        room="manifest",
        parse=_words,
        seeds=lambda: texts(
            "https://example.com:443", "*://*:*", "http://*.example.com:80..90", "postgres://10.0.0.0/8:5432", "https://[::1]:8080/", "redis://{{ host }}:6379",
            "https://cart.spin.internal", "{{ a }}-{{ b }}", "assets/**/*.js", "a/[!a-z]/?", ">=1.2.3, <2.0.0-rc.1", "^0.2", "1.2.3-alpha.1+build", "acme:cart/api@0.1.0",
            "my-COMPONENT-v2", "snake_case_2", "ghcr.io", "registry.example.com:5000", "http://user@example.com/path?x#y", "insecure:allow-all",
        ),
        most=WORD,
        count=4500,
    ),
}  # fmt: skip
