"""What an app reads and calls in its cluster: Secrets and ConfigMaps by name, Services of the fleet by the hosts it may reach."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from sys import intern
from typing import Any

from reconciler.fleet.brought import Brought
from reconciler.fleet.model import AppDefinition, Cluster, Executor, Fleet, Target
from reconciler.fleet.overrides import every_layer, layers_of, merged
from reconciler.fleet.placement import may_be_placed, placement_of
from reconciler.fleet.variables import filled, variables_of
from reconciler.manifest.model import Application
from reconciler.manifest.report import mapping
from reconciler.problems import has_errors

_HOST = re.compile(r"(?<![\w.-])[a-z0-9][-a-z0-9]*(?:\.[a-z0-9][-a-z0-9]*)*(?![\w.-])")
#: SpinKube's label of an app's pods, and the port of its Service and of its pods (source: spin-operator, internal/controller).
_APP_NAME_LABEL, _APP_PORT = "core.spinkube.dev/app-name", 80
#: A SpinApp's name is no longer.
_LONGEST_NAME = 52
_OPTIONS = ("keyValueStores", "sqliteDatabases")


def inputs_of(spec: Mapping[str, Any], namespace: str, known: Brought) -> dict[tuple[str, str], str]:
    """Give the marks of the Secrets and ConfigMaps that an app reads, of those that the fleet brings."""
    found = {}
    for kind, name in sorted(set(_read(spec))):
        mark = known.inputs.get((kind, namespace, name))
        if mark is not None:
            found[kind, name] = mark
    return found


def may_read(fleet: Fleet, app: AppDefinition) -> set[tuple[str, str]]:
    """Give kind and name of every Secret and ConfigMap that an app reads on some cluster."""
    if app.problems and has_errors(app.problems):
        return set()
    return {each for layer in every_layer(app, fleet) for each in _read(layer)}


def services_of(
    fleet: Fleet, cluster: Cluster, spec: Mapping[str, Any], application: Application, known: Brought
) -> dict[tuple[str, str], Target]:
    """Give the Services that an app's hosts may name, of those that the fleet brings or makes for its apps."""
    if (spec.get("network") or {}).get("egress") != "fromManifest":
        return {}
    found: dict[tuple[str, str], Target] = {}
    for namespace, name in sorted(_named_services(spec, application, known)):
        target = known.services.get((namespace, name)) or _of_app(fleet, cluster, namespace, name, known)
        if target is not None:
            found[namespace, name] = target
    return found


def service_name(host: str, namespace: str) -> tuple[str, str] | None:
    """Give namespace and name of the Service that a host would be in a pod of a namespace; None where it can't be one.

    As a pod's DNS search path has it: `name`, `name.namespace`, `name.namespace.svc` and `name.namespace.svc.cluster.local`.
    """
    parts = host.lower().removesuffix(".").removesuffix(".cluster.local").removesuffix(".svc").split(".")
    if len(parts) > 2 or not all(parts):
        return None
    return (parts[1] if len(parts) == 2 else namespace), parts[0]


def reached_apps(fleet: Fleet, definition: AppDefinition, collectors: Collection[str]) -> Iterator[AppDefinition]:
    """Give the apps of a fleet whose Services an app may call, as far as its text tells: their place bears on its NetworkPolicy.

    `collectors` are the names that `collectors_of` gives for the clusters that count.
    """
    names = set(definition.calls)
    if collectors and has_network(fleet, definition):
        names |= {*collectors} - {definition.name}
    return (fleet.apps[name] for name in sorted(names) if name in fleet.apps)


def collectors_of(known: Brought) -> frozenset[str]:
    """Give the names of apps whose Services executors may send telemetry to by what their `otel` says, whether or not any is called so."""
    settings = [each.deployment.get("otel") for each in (*known.declared.values(), *known.executors.values())]
    return frozenset(host.partition(".")[0] for each in settings if each for host in _hosts_in(each))


def stands(fleet: Fleet, app: AppDefinition) -> Any:
    """Give a value that is equal where an app's pods are called by the same names, wherever it is placed."""
    layers = [(each.get("namespace"), each.get("executor"), "job" in each) for each in every_layer(app, fleet)]
    overrides = app.spec.get("overrides")
    selectors = [mapping(each).get("clusters") for each in (overrides if isinstance(overrides, list) else ())]
    return layers, selectors, has_errors(app.problems)


def has_network(fleet: Fleet, definition: AppDefinition) -> bool:
    """Tell whether an app may have a NetworkPolicy on some cluster."""
    return any("network" in layer for layer in every_layer(definition, fleet))


def names_called(name: str, specs: Sequence[Mapping[str, Any]], application: Application | None) -> tuple[str, ...]:
    """Give the names of apps that an app of this name may call by what its specs and its manifest say, sorted."""
    if application is None or not any("network" in each for each in specs):
        return ()
    words = {host.partition(".")[0] for spec in specs for host in _hosts(spec, application)}
    # Manifests are alike: many apps share their words.
    return tuple(intern(word) for word in sorted(words - {name}) if len(word) <= _LONGEST_NAME)


def _of_app(fleet: Fleet, cluster: Cluster, namespace: str, name: str, known: Brought) -> Target | None:
    """Give the pods of an app of the fleet, where it runs on this cluster and in this namespace."""
    app = fleet.apps.get(name)
    if app is None or has_errors(app.problems) or not may_be_placed(placement_of(fleet, app), cluster):
        return None
    spec = filled(merged(layers_of(fleet, app, cluster)), variables_of(cluster))
    executor = known.executor(namespace, str(spec.get("executor", "")))
    makes_pods = executor is None or executor.creates_deployment
    if spec.get("namespace", "default") != namespace or "job" in spec or not makes_pods:
        return None
    return Target(namespace=namespace, labels={_APP_NAME_LABEL: name}, ports={_APP_PORT: _APP_PORT})


def _named_services(spec: Mapping[str, Any], application: Application, known: Brought) -> set[tuple[str, str]]:
    namespace = str(spec["namespace"])
    hosts = set(_hosts(spec, application))
    executor: Executor | None = known.executor(namespace, str(spec["executor"]))
    if executor is not None:
        hosts |= set(_hosts_in(executor.deployment.get("otel") or {}))
    return {found for host in hosts if (found := service_name(host, namespace)) is not None}


def _hosts(spec: Mapping[str, Any], application: Application) -> Iterator[str]:
    """Give every piece of text that may be a host; more than there are does no harm."""
    texts: list[Any] = [each.allowed_outbound_hosts for each in application.components.values()]
    texts += [each.default for each in application.variables.values()]
    texts += [dict(each.config) for each in application.triggers]
    texts += [dict(application.trigger_settings), spec.get("runtimeConfig"), spec.get("variables")]
    for text in texts:
        if text:
            yield from _hosts_in(text)


def _hosts_in(value: Any) -> list[str]:
    found: list[str] = _HOST.findall(json.dumps(value, default=str))
    return found


def _read(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    config = spec.get("runtimeConfig") or {}
    values: list[Any] = list((spec.get("variables") or {}).values())
    stores = [store for field in _OPTIONS for store in (config.get(field) or {}).values()]
    for store in (*stores, config.get("llmCompute") or {}):
        values += (store.get("options") or {}).values()
    for value in values:
        if isinstance(value, Mapping):
            yield from _references(value)
    if "loadFromSecret" in config:
        yield "Secret", config["loadFromSecret"]
    yield from _of_volumes(spec.get("volumes") or ())


def _references(value: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    source = value.get("valueFrom") or value
    for field, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
        if isinstance(source.get(field), Mapping):
            yield kind, str(source[field].get("name"))


def _of_volumes(volumes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for volume in volumes:
        for source in (volume, *(((volume.get("projected") or {}).get("sources")) or ())):
            if isinstance(source.get("configMap"), Mapping):
                yield "ConfigMap", str(source["configMap"].get("name"))
            if isinstance(source.get("secret"), Mapping):
                secret = source["secret"]
                yield "Secret", str(secret.get("secretName") or secret.get("name"))
