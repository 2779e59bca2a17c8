"""What a schema can't say of a spin.toml. Each rule names the stage at which Spin would refuse (see parse)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.manifest.hosts import has_template, host_fault, http_host_fault
from reconciler.manifest.ids import kebab_fault, label_fault, repaired, snake_fault
from reconciler.manifest.templates import replaced, template_fault
from reconciler.problems import Problem, Severity

_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_DEPENDENCY = re.compile(
    r"(?P<namespace>[^:/@]+):(?P<package>[^:/@]+)(?:/(?P<interface>[^:/@]+))?(?:@(?P<version>[^/@]+))?"
)
_SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_HTTP_FIELDS = frozenset({"id", "component", "components", "route", "executor", "static_response", "dependencies"})
_TARGET_SEMVER = re.compile(r"[=^~<>* ]*\d+(\.(\d+|\*))?(\.(\d+|\*))?(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?|\*")


class Report:
    """Collects problems, each at the place of a pointer."""

    def __init__(self, path: str, place: Callable[[str], tuple[int, int] | None]) -> None:
        self._path, self._place = path, place
        self.problems: list[Problem] = []

    def add(self, pointer: str, code: str, message: str, hint: str = "", severity: Severity = Severity.ERROR) -> None:
        """Add one problem."""
        line, column = self._place(pointer) or (None, None)
        self.problems.append(
            Problem(
                path=self._path,
                line=line,
                column=column,
                pointer=pointer,
                code=code,
                message=message,
                hint=hint,
                severity=severity,
            )
        )


def check_v2(document: Mapping[str, Any], report: Report) -> None:
    """Hold a version 2 document against every rule."""
    variables = _mapping(document.get("variables"))
    _variables(variables, report)
    components = _mapping(document.get("component"))
    for name, component in components.items():
        pointer = f"/component/{_escaped(name)}"
        _id(name, pointer, report)
        _component(_mapping(component), pointer, variables, components, report)
    triggers = 0
    for kind, entries in _mapping(document.get("trigger")).items():
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            triggers += 1
            _trigger(kind, _mapping(entry), f"/trigger/{_escaped(kind)}/{index}", variables, components, report)
    if not triggers:
        report.add(
            "/application",
            "spin.run.no-trigger",
            "the application has no trigger: nothing would ever run",
            "add a [[trigger.http]]",
            Severity.WARNING,
        )
    base = _mapping(_mapping(_mapping(document.get("application")).get("trigger")).get("http")).get("base", "/")
    if base != "/":
        report.add(
            "/application/trigger/http/base",
            "spin.run.base",
            f"base {base!r} is not supported any more",
            "put it in front of each route",
        )


def check_v1(document: Mapping[str, Any], report: Report) -> None:
    """Hold a version 1 document against every rule."""
    variables = _mapping(document.get("variables"))
    _variables(variables, report)
    kind = _mapping(document.get("trigger")).get("type")
    for index, raw in enumerate(document.get("component") or ()):
        component = _mapping(raw)
        pointer = f"/component/{index}"
        name = component.get("id")
        if isinstance(name, str) and (fault := kebab_fault(repaired(name)) if repaired(name) else "it has no letters"):
            report.add(f"{pointer}/id", "spin.parse.id", f"invalid component id {name!r}: {fault}")
        _component({**component, "variables": component.get("config")}, pointer, variables, {}, report, version=1)
        trigger = _mapping(component.get("trigger"))
        if kind == "http" and "route" not in trigger:
            report.add(f"{pointer}/trigger", "spin.parse.missing-field", "http trigger has no route", "add a route")


def _variables(variables: Mapping[str, Any], report: Report) -> None:
    for name, raw in variables.items():
        pointer, variable = f"/variables/{_escaped(name)}", _mapping(raw)
        if fault := snake_fault(name):
            report.add(pointer, "spin.parse.id", f"variable {name!r}: {fault}", "variable names are snake_case")
        required, has_default = variable.get("required", False), "default" in variable
        if isinstance(required, bool) and required == has_default:
            words = "both required and a default" if has_default else "neither required = true nor a default"
            report.add(pointer, "spin.load.variable", f"variable {name!r} has {words}", "give it exactly one of them")


def _trigger(
    kind: str,
    trigger: Mapping[str, Any],
    pointer: str,
    variables: Mapping[str, Any],
    components: Mapping[str, Any],
    report: Report,
) -> None:
    references = [("component", trigger.get("component"))]
    for role, value in _mapping(trigger.get("components")).items():
        several = value if isinstance(value, list) else [value]
        references += [
            (f"components/{_escaped(role)}" + (f"/{n}" if isinstance(value, list) else ""), each)
            for n, each in enumerate(several)
        ]
    for below, reference in references:
        if isinstance(reference, str):
            fault = kebab_fault(reference)
            if fault:
                report.add(f"{pointer}/{below}", "spin.parse.id", f"component {reference!r}: {fault}")
            elif reference not in components:
                report.add(
                    f"{pointer}/{below}",
                    "spin.run.component",
                    f"there is no component {reference!r}",
                    _near(reference, components),
                )
        elif isinstance(reference, Mapping):
            _component(reference, f"{pointer}/{below}", variables, components, report)
    if kind == "http":
        _http(trigger, pointer, report)
    elif kind == "redis" and not isinstance(trigger.get("channel"), str):
        report.add(pointer, "spin.run.channel", "a redis trigger needs a channel", "add channel = …")


def _http(trigger: Mapping[str, Any], pointer: str, report: Report) -> None:
    for name in trigger:
        if name not in _HTTP_FIELDS:
            report.add(
                f"{pointer}/{_escaped(name)}",
                "spin.run.unknown-field",
                f"unknown field {name!r} in an http trigger",
                _near(name, _HTTP_FIELDS),
            )
    route = trigger.get("route")
    if route is None:
        report.add(
            pointer,
            "spin.run.route",
            "an http trigger needs a route",
            'add route = "/..." or route = { private = true }',
        )
    elif not isinstance(route, str) and route != {"private": True}:
        report.add(f"{pointer}/route", "spin.run.route", "a route is text, or { private = true }")
    if ("component" in trigger) == ("static_response" in trigger):
        report.add(pointer, "spin.run.component", "an http trigger has exactly one of component and static_response")


def _component(
    component: Mapping[str, Any],
    pointer: str,
    variables: Mapping[str, Any],
    components: Mapping[str, Any],
    report: Report,
    *,
    version: int = 2,
) -> None:
    _source(component.get("source"), f"{pointer}/source", report)
    values = "config" if version == 1 else "variables"
    for name, text in _mapping(component.get("variables")).items():
        below = f"{pointer}/{values}/{_escaped(name)}"
        if fault := snake_fault(name):
            report.add(below, "spin.parse.id", f"variable {name!r}: {fault}", "variable names are snake_case")
        if isinstance(text, str):
            _template(text, below, variables, report)
    if version == 2:
        _labels(component, pointer, report)
    _hosts(component, pointer, variables, report)
    _dependencies(component, pointer, components, report)
    for field in ("files", "exclude_files"):
        for index, glob in enumerate(_list(component.get(field))):
            if isinstance(glob, str) and _bad_glob(glob):
                report.add(f"{pointer}/{field}/{index}", "spin.load.files", f"glob {glob!r} is not valid")


def _labels(component: Mapping[str, Any], pointer: str, report: Report) -> None:
    for field in ("key_value_stores", "sqlite_databases"):
        for index, label in enumerate(_list(component.get(field))):
            if isinstance(label, str) and label_fault(label):
                report.add(
                    f"{pointer}/{field}/{index}", "spin.parse.id", f"label {label!r}: expected kebab-case or snake_case"
                )


def _source(source: Any, pointer: str, report: Report) -> None:
    if isinstance(source, Mapping) and "url" in source:
        digest = source.get("digest")
        if isinstance(digest, str) and not digest.startswith("sha256:"):
            report.add(f"{pointer}/digest", "spin.load.digest", f"invalid digest {digest!r}; must start with 'sha256:'")
    elif isinstance(source, Mapping) and "package" in source:
        package, version = source.get("package"), source.get("version")
        if isinstance(package, str):
            namespace, colon, name = package.partition(":")
            if not colon or kebab_fault(namespace) or kebab_fault(name):
                report.add(f"{pointer}/package", "spin.parse.package", f"package {package!r} is not namespace:name")
        if isinstance(version, str) and not _SEMVER.fullmatch(version):
            report.add(
                f"{pointer}/version",
                "spin.load.version",
                f"version {version!r} is not a semantic version",
                severity=Severity.WARNING,
            )


def _template(text: str, pointer: str, variables: Mapping[str, Any], report: Report) -> None:
    fault, names = template_fault(text)
    if fault:
        report.add(pointer, "spin.run.template", f"template: {fault}")
    for name in names:
        if name not in variables:
            report.add(
                pointer,
                "spin.load.undeclared-variable",
                f"variable {name!r} is not declared under [variables]",
                _near(name, variables),
                Severity.WARNING,
            )


def _hosts(component: Mapping[str, Any], pointer: str, variables: Mapping[str, Any], report: Report) -> None:
    defaults = {name: _mapping(variable).get("default") for name, variable in variables.items()}
    for index, host in enumerate(_list(component.get("allowed_outbound_hosts"))):
        if not isinstance(host, str):
            continue
        below, text = f"{pointer}/allowed_outbound_hosts/{index}", host
        if has_template(host) or "{{" in host:
            fault, _ = template_fault(host)
            if fault:
                report.add(below, "spin.load.host", f"{host!r}: {fault}")
                continue
            known = replaced(
                host, {name: value if isinstance(value, str) else None for name, value in defaults.items()}
            )
            if known is None:
                continue
            text = known
        if fault := host_fault(text):
            report.add(below, "spin.load.host", f"invalid allowed host: {fault}", "write scheme://host[:port]")
    for index, host in enumerate(_list(component.get("allowed_http_hosts"))):
        if isinstance(host, str) and (fault := http_host_fault(host)):
            report.add(
                f"{pointer}/allowed_http_hosts/{index}",
                "spin.load.host",
                fault,
                "write host or host:port, or use allowed_outbound_hosts",
            )


def _dependencies(component: Mapping[str, Any], pointer: str, components: Mapping[str, Any], report: Report) -> None:
    dependencies = _mapping(component.get("dependencies"))
    inherits = component.get("dependencies_inherit_configuration")
    for name, value in dependencies.items():
        below = f"{pointer}/dependencies/{_escaped(name)}"
        if fault := _dependency_fault(name):
            report.add(below, "spin.parse.dependency", f"dependency {name!r}: {fault}")
        target = _mapping(value)
        if inherits is not None and "inherit_configuration" in target:
            report.add(
                below,
                "spin.load.dependency",
                "the component sets dependencies_inherit_configuration and this dependency inherit_configuration",
                "keep one of them",
            )
        if isinstance(value, str) and not _TARGET_SEMVER.fullmatch(value):
            report.add(below, "spin.load.dependency", f"{value!r} is not a version requirement")
        reference = target.get("component")
        if isinstance(reference, str):
            if fault := kebab_fault(reference):
                report.add(f"{below}/component", "spin.parse.id", f"component {reference!r}: {fault}")
            elif reference not in components:
                report.add(
                    f"{below}/component",
                    "spin.load.dependency",
                    f"there is no component {reference!r}",
                    _near(reference, components),
                )


def _dependency_fault(name: str) -> str:
    if ":" not in name:
        return kebab_fault(name)
    found = _DEPENDENCY.fullmatch(name)
    if found is None:
        return "expected namespace:package[/interface][@version]"
    for part in ("namespace", "package", "interface"):
        if found[part] and (fault := kebab_fault(found[part])):
            return f"{part} {found[part]!r}: {fault}"
    if found["version"] and not _SEMVER.fullmatch(found["version"]):
        return f"version {found['version']!r} is not a semantic version"
    return ""


def _bad_glob(glob: str) -> bool:
    """Tell whether Spin's glob crate refuses a pattern: an open bracket, or three stars, or two that are not a whole segment."""
    if re.search(r"\[(?![!]?.[^\]]*\])", glob):
        return True
    return any("***" in part or ("**" in part and part != "**") for part in glob.split("/"))


def _id(name: str, pointer: str, report: Report) -> None:
    if fault := kebab_fault(name):
        report.add(pointer, "spin.parse.id", f"component id {name!r}: {fault}", "component ids are kebab-case")


def _near(name: str, names: Any) -> str:
    from reconciler.schema_check import closest

    return closest(name, list(names))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
