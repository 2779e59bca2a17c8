"""runtimeConfig becomes fields of the SpinApp, or a Secret with the TOML where a SpinApp can't say it.

The operator writes every option as a text, so booleans and numbers need the Secret, and so do variable providers, which a SpinApp has
no field for. A Secret that is rendered can't hold a value that only the cluster knows: both at once is an error with the way out.
Source: spinframework/spin, crates/runtime-config; spin-operator, internal/runtimeconfig.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.fleet.model import AppAssignment
from reconciler.problems import Problem
from reconciler.render import toml_text
from reconciler.render.named import named
from reconciler.render.places import problem_at
from reconciler.render.spinkube import RUNTIME_CONFIG_KEY

#: Options that Spin reads as something else than a text, by type of store.
_TYPED = {("aws_dynamo", "consistent_read"): "boolean"}
_BOOLEANS = {"true": True, "false": False}
_SECTIONS = (("keyValueStores", "key_value_store"), ("sqliteDatabases", "sqlite_database"))


def spinapp_fields(config: Mapping[str, Any]) -> dict[str, Any]:
    """Give SpinApp.spec.runtimeConfig for a config that it can express."""
    if "loadFromSecret" in config:
        return {"loadFromSecret": config["loadFromSecret"]}
    found: dict[str, Any] = {}
    for field, _ in _SECTIONS:
        if config.get(field):
            found[field] = [{"name": name, **_listed(store)} for name, store in sorted(config[field].items())]
    if config.get("llmCompute"):
        found["llmCompute"] = _listed(config["llmCompute"])
    return found


def needs_secret(config: Mapping[str, Any]) -> bool:
    """Tell whether a SpinApp has no words for a config."""
    return bool(config.get("providers")) or any(
        (store["type"], option) in _TYPED for _, store in _stores(config) for option in store.get("options") or ()
    )


def runtime_config_secret(app: AppAssignment, problems: list[Problem]) -> dict[str, Any]:
    """Give the Secret with the runtime config as TOML.

    Its name ends with a hash of the text, so that a change rolls the pods, which SpinKube would not do. The text is
    written in Git in plain, so the hash gives nothing away.
    """
    text = _toml(app, problems)
    suffix = hashlib.sha256(text.encode()).hexdigest()[:10]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": f"{app.name}-runtime-config-{suffix}", "namespace": app.namespace},
        "stringData": {RUNTIME_CONFIG_KEY: text},
    }


def literal_options(config: Mapping[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    """Give (pointer, option's name, text or None where only the cluster knows it) of every option of a store."""
    for pointer, store in _stores(config):
        for name, option in sorted((store.get("options") or {}).items()):
            yield f"{pointer}/options/{name}", name, _literal(option)


def _stores(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for field, _ in _SECTIONS:
        for name, store in sorted((config.get(field) or {}).items()):
            yield f"/runtimeConfig/{field}/{name}", store
    if config.get("llmCompute"):
        yield "/runtimeConfig/llmCompute", config["llmCompute"]


def _listed(store: Mapping[str, Any]) -> dict[str, Any]:
    options = store.get("options") or {}
    found: dict[str, Any] = {"type": store["type"]}
    if options:
        found["options"] = [named(name, value) for name, value in sorted(options.items())]
    return found


def _toml(app: AppAssignment, problems: list[Problem]) -> str:
    config = app.spec["runtimeConfig"]
    parts = []
    for index, provider in enumerate(config.get("providers") or ()):
        pointer = f"/runtimeConfig/providers/{index}"
        if _refers(provider):
            problems.append(_unsayable(app, pointer))
        else:
            parts.append(toml_text.table("[[variables_provider]]", provider))
    for field, section in _SECTIONS:
        for name, store in sorted((config.get(field) or {}).items()):
            values = _plain(app, f"/runtimeConfig/{field}/{name}", store, problems)
            parts.append(toml_text.table(f"[{section}.{toml_text.key(name)}]", values))
    if config.get("llmCompute"):
        values = _plain(app, "/runtimeConfig/llmCompute", config["llmCompute"], problems)
        parts.append(toml_text.table("[llm_compute]", values))
    return "\n".join(parts)


def _plain(app: AppAssignment, pointer: str, store: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """Give a store as a TOML table; options that Spin wants typed are."""
    values: dict[str, Any] = {"type": store["type"]}
    for name, option in sorted((store.get("options") or {}).items()):
        at, text = f"{pointer}/options/{name}", _literal(option)
        if text is None:
            problems.append(_unsayable(app, at))
        elif (store["type"], name) not in _TYPED:
            values[name] = text
        elif text in _BOOLEANS:
            values[name] = _BOOLEANS[text]
        else:
            message = f"option {name!r} of {store['type']} is true or false, not {text!r}"
            problems.append(problem_at(app, at, "render.runtime-config", message, 'write "true" or "false"'))
    return values


def _literal(option: Mapping[str, Any] | str) -> str | None:
    if isinstance(option, str):
        return option
    text = option.get("value")
    return text if isinstance(text, str) else None


def _refers(value: Any) -> bool:
    """Tell whether a provider's values refer to an object of the cluster."""
    if isinstance(value, Mapping):
        return bool({"secretKeyRef", "valueFrom"} & value.keys()) or any(_refers(each) for each in value.values())
    return isinstance(value, list) and any(_refers(each) for each in value)


def _unsayable(app: AppAssignment, pointer: str) -> Problem:
    message = "this value comes from the cluster, and beside it stands what only a file written here could say"
    hint = "put the whole runtime config into a Secret of your own and name it in runtimeConfig.loadFromSecret"
    return problem_at(app, pointer, "render.runtime-config", message, hint)
