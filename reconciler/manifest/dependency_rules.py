"""Dependencies of components (source: spinframework/spin, crates/serde/src/dependencies.rs, crates/manifest/src/{schema/v2,normalize}.rs)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.manifest import versions
from reconciler.manifest.ids import kebab_fault, package_fault
from reconciler.manifest.report import Report, escaped, mapping
from reconciler.schema_check import closest

_IN_AUTHORITY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@\[\]%-]+")
_MOST_COLONS = 8
#: A component that others are composed with may say nothing of its own: it would not apply.
_OWN = ("ai_models", "allowed_http_hosts", "allowed_outbound_hosts", "dependencies", "environment", "files",
        "key_value_stores", "sqlite_databases", "variables")  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Name:
    """A dependency's name: `package` is empty for a plain one."""

    text: str
    package: str = ""
    interface: str = ""
    version: versions.Version | None = None


def registry_fault(text: str) -> str:
    """Say what is wrong with the name of a package registry, or give an empty string.

    Source: the authority of a URI as Rust's http crate reads it, which is wider than RFC 3986 (`host:word` passes).
    """
    parts = re.split(r"[@\]]", text)
    good = (
        _IN_AUTHORITY.fullmatch(text) is not None
        and not text.endswith("@")
        and [each for each in text if each in "[]"] in ([], ["[", "]"])
        and "%" not in text.partition("[")[0].rpartition("@")[2]
        and "%" not in parts[-1]
        and parts[-1].count(":") <= 1
        and all(part.count(":") <= _MOST_COLONS for part in parts)
    )
    return "" if good else f"registry {text!r} is not a host or host:port"


def check_dependencies(
    component: Mapping[str, Any], pointer: str, components: Mapping[str, Any], report: Report
) -> None:
    """Check a component's dependencies: names, sources, that none is satisfied twice, that the grants are said in one place."""
    names = []
    for text, value in mapping(component.get("dependencies")).items():
        below = f"{pointer}/dependencies/{escaped(text)}"
        name = _name(text)
        if isinstance(name, str):
            report.add(below, "spin.parse.dependency", f"dependency {text!r}: {name}")
            continue
        names.append(name)
        _source(name, value, below, component, components, report)
    _check_disjoint([name for name in names if name.package], pointer, report)


def _check_disjoint(names: list[_Name], pointer: str, report: Report) -> None:
    """Check that no two names may stand for one import: same package, same or no interface, compatible or no version.

    Looks each name up among those before it, so that many names cost no more than their number.
    """
    seen: set[tuple[str, str | None, Any]] = set()
    for name in names:
        interface, track = name.interface or None, name.version.track() if name.version else None
        keys = {(name.package, one, other) for one in (interface or "*", None) for other in (track or "*", None)}
        if keys & seen:
            message = f"dependency {name.text!r} conflicts with an earlier one: both may satisfy one import"
            hint = "give both an interface, or versions that are not compatible"
            report.add(f"{pointer}/dependencies/{escaped(name.text)}", "spin.load.dependency", message, hint)
        # A missing part stands for any: it is entered as None, and `*` finds whatever has the other part.
        seen |= {(name.package, one, other) for one in {interface, "*"} for other in {track, "*"}}


def check_profile_dependencies(dependencies: Any, pointer: str, report: Report) -> None:
    """Check what Spin checks of the dependencies in a profile that isn't chosen: their names."""
    for text, value in mapping(dependencies).items():
        below = f"{pointer}/{escaped(text)}"
        if isinstance(name := _name(text), str):
            report.add(below, "spin.parse.dependency", f"dependency {text!r}: {name}")
        reference = mapping(value).get("component")
        if isinstance(reference, str) and (fault := kebab_fault(reference)):
            report.add(f"{below}/component", "spin.parse.id", f"component {reference!r}: {fault}")


def _name(text: str) -> _Name | str:
    """Read a name, or say what is wrong with it."""
    if ":" not in text and "/" not in text:
        return kebab_fault(text) or _Name(text)
    body, at, version = text.partition("@")
    package, slash, interface = body.partition("/")
    if fault := package_fault(package):
        return f"package {package!r}: {fault}"
    if slash and (fault := kebab_fault(interface)):
        return f"interface {interface!r}: {fault}"
    parsed = versions.version(version) if at else None
    if at and parsed is None:
        return f"{version!r} is not a semantic version"
    return _Name(text, package, interface, parsed)


def _source(
    name: _Name, value: Any, below: str, component: Mapping[str, Any], components: Mapping[str, Any], report: Report
) -> None:
    target = mapping(value)
    if component.get("dependencies_inherit_configuration") is not None and "inherit_configuration" in target:
        message = (
            "dependencies_inherit_configuration and a dependency's own inherit_configuration are mutually exclusive"
        )
        report.add(f"{below}/inherit_configuration", "spin.load.dependency", message, "keep one of them")
    if not name.package and (isinstance(value, str) or ("version" in target and "package" not in target)):
        message = f"dependency {name.text!r} must specify a package name"
        report.add(below, "spin.load.dependency", message, 'add package = "namespace:name"')
    exports = "export" in target and not {"url", "digest"} & set(target)
    if name.package and not name.interface and exports:
        message = f"an export can't satisfy the whole package {name.text!r}"
        report.add(
            f"{below}/export", "spin.load.dependency", message, "name the interface: namespace:package/interface"
        )
    requirement = value if isinstance(value, str) else target.get("version")
    if isinstance(requirement, str) and not versions.is_requirement(requirement):
        report.add(
            below, "spin.load.version", f"{requirement!r} is not a version requirement", 'write "1.2", ">=1.2, <2", …'
        )
    if isinstance(package := target.get("package"), str) and (fault := package_fault(package)):
        report.add(f"{below}/package", "spin.load.dependency", f"package {package!r}: {fault}")
    if isinstance(registry := target.get("registry"), str) and (fault := registry_fault(registry)):
        report.add(f"{below}/registry", "spin.load.dependency", fault)
    check_digest(target.get("digest"), f"{below}/digest", report)
    if isinstance(reference := target.get("component"), str):
        _reference(reference, f"{below}/component", components, report)


def check_digest(digest: Any, pointer: str, report: Report) -> None:
    """Check the digest of something to be fetched."""
    if isinstance(digest, str) and not digest.startswith("sha256:"):
        report.add(pointer, "spin.load.digest", f"invalid digest {digest!r}; must start with 'sha256:'")


def _reference(reference: str, pointer: str, components: Mapping[str, Any], report: Report) -> None:
    if fault := kebab_fault(reference):
        report.add(pointer, "spin.parse.id", f"component {reference!r}: {fault}")
    elif reference not in components:
        message = f"dependency ID {reference!r} does not exist"
        report.add(pointer, "spin.load.dependency", message, closest(reference, list(components)))
    elif own := [field for field in _OWN if mapping(components[reference]).get(field)]:
        message = f"component {reference!r} can't be a dependency: it has resources or permissions of its own ({', '.join(own)})"
        report.add(pointer, "spin.load.dependency", message, "give them to the component that depends on it")
