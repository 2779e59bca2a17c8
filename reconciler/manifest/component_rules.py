"""Rules of one component, of version 2 or 1 (source: spinframework/spin, crates/manifest and crates/loader)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.manifest import globs, hosts, templates, versions
from reconciler.manifest.dependency_rules import (
    check_dependencies,
    check_digest,
    check_profile_dependencies,
    registry_fault,
)
from reconciler.manifest.ids import label_fault, package_fault
from reconciler.manifest.report import Report, escaped, mapping, texts
from reconciler.manifest.variable_rules import check_template, check_values


def check_component(
    component: Mapping[str, Any],
    pointer: str,
    variables: Mapping[str, Any],
    components: Mapping[str, Any],
    report: Report,
) -> None:
    """Check a version 2 component; `components` are those that a dependency may name."""
    check_values(component.get("variables"), f"{pointer}/variables", variables, report)
    for field in ("key_value_stores", "sqlite_databases"):
        for index, label in texts(component.get(field)):
            if label_fault(label):
                message = f"label {label!r}: expected kebab-case or snake_case"
                hint = "words of letters and digits, split by '-' or by '_': my-store"
                report.add(f"{pointer}/{field}/{index}", "spin.parse.id", message, hint)
    _check_source(component.get("source"), f"{pointer}/source", report)
    _check_http_hosts(component, pointer, "load", report)
    _check_outbound(component.get("allowed_outbound_hosts"), f"{pointer}/allowed_outbound_hosts", variables, report)
    _check_files(component, pointer, report)
    check_dependencies(component, pointer, components, report)
    for name, profile in mapping(component.get("profile")).items():
        below = f"{pointer}/profile/{escaped(name)}"
        _check_source_names(mapping(profile).get("source"), f"{below}/source", report)
        check_profile_dependencies(mapping(profile).get("dependencies"), f"{below}/dependencies", report)


def check_v1_component(
    component: Mapping[str, Any], pointer: str, variables: Mapping[str, Any], report: Report
) -> None:
    """Check a version 1 component: labels are free, and Spin reads allowed_http_hosts while it still parses."""
    check_values(component.get("config"), f"{pointer}/config", variables, report)
    _check_source(component.get("source"), f"{pointer}/source", report)
    _check_http_hosts(component, pointer, "parse", report)
    _check_outbound(component.get("allowed_outbound_hosts"), f"{pointer}/allowed_outbound_hosts", variables, report)
    _check_files(component, pointer, report)


def _check_source_names(source: Any, pointer: str, report: Report) -> None:
    """Check what Spin checks while it parses: the names of a package and its registry."""
    found = mapping(source)
    if isinstance(package := found.get("package"), str) and (fault := package_fault(package)):
        report.add(f"{pointer}/package", "spin.parse.package", f"package {package!r}: {fault}")
    if isinstance(registry := found.get("registry"), str) and (fault := registry_fault(registry)):
        report.add(f"{pointer}/registry", "spin.parse.package", fault)


def _check_source(source: Any, pointer: str, report: Report) -> None:
    _check_source_names(source, pointer, report)
    check_digest(mapping(source).get("digest"), f"{pointer}/digest", report)
    version = mapping(source).get("version")
    if isinstance(version, str) and versions.version(version) is None:
        message = f"invalid semantic version {version!r} for the package"
        report.add(f"{pointer}/version", "spin.load.version", message, 'write all three numbers: "1.2.3"')


def _check_http_hosts(component: Mapping[str, Any], pointer: str, stage: str, report: Report) -> None:
    entries = texts(component.get("allowed_http_hosts"))
    if hosts.ALLOW_ALL in [text for _, text in entries]:
        return
    for index, text in entries:
        hint = "write host or host:port, or use allowed_outbound_hosts"
        if fault := hosts.http_host_fault(text):
            report.add(f"{pointer}/allowed_http_hosts/{index}", f"spin.{stage}.host", fault, hint)
            continue
        # What Spin makes of it must also be right as an outbound host: an IPv6 address needs its port there.
        faults = [hosts.host_fault(each) for each in hosts.outbound_of_http([text]) if templates.names(each) == ()]
        if fault := next(filter(None, faults), ""):
            report.add(f"{pointer}/allowed_http_hosts/{index}", "spin.load.host", fault, hint)


def _check_outbound(entries: Any, pointer: str, variables: Mapping[str, Any], report: Report) -> None:
    defaults = {name: mapping(raw).get("default") for name, raw in variables.items()}
    known = {name: value for name, value in defaults.items() if isinstance(value, str)}
    for index, text in texts(entries):
        below = f"{pointer}/{index}"
        if not check_template(text, below, variables, report, stage="load"):
            continue
        resolved = templates.replaced(text, known)
        if resolved is not None and (fault := hosts.host_fault(resolved)):
            using = f" (with default values, from template {text!r})" if resolved != text else ""
            hint = "write scheme://host[:port], with '*' for any"
            report.add(below, "spin.load.host", f"invalid allowed host: {fault}{using}", hint)


def _check_files(component: Mapping[str, Any], pointer: str, report: Report) -> None:
    files = component.get("files")
    for index, text in texts(files):
        if fault := globs.files_fault(text):
            report.add(f"{pointer}/files/{index}", "spin.load.files", f"{text!r}: {fault}")
    for index, each in enumerate(files if isinstance(files, list) else ()):
        # A folder is copied with a pattern made of its name.
        if isinstance(source := mapping(each).get("source"), str) and (fault := globs.pattern_fault(f"{source}/**/*")):
            report.add(f"{pointer}/files/{index}/source", "spin.load.files", f"folder {source!r}: {fault}", "rename it")
    # Exclusions are read only where something is copied by pattern or as a folder.
    many = isinstance(files, list) and any(not isinstance(each, str) or globs.is_pattern(each) for each in files)
    for index, text in texts(component.get("exclude_files")) if many else ():
        if fault := globs.pattern_fault(text):
            report.add(f"{pointer}/exclude_files/{index}", "spin.load.files", f"{text!r}: {fault}")
