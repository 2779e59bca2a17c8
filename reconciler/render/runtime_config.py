"""runtimeConfig becomes fields of the SpinApp, or a Secret with the TOML where a SpinApp can't say it.

The operator writes every option as a text, so booleans and numbers need the Secret, and so do variable providers and settings, which a
SpinApp has no field for. A Secret that is rendered can't hold a value that only the cluster knows: both at once is an error with the
way out.
Source: spinframework/spin, crates/runtime-config; spin-operator, internal/runtimeconfig.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.fleet.model import AppAssignment
from reconciler.problems import Problem, has_errors
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
    return bool(config.get("providers") or config.get("settings")) or any(
        (store["type"], option) in _TYPED for _, store in stores(config) for option in store.get("options") or ()
    )


def runtime_config_secret(app: AppAssignment, problems: list[Problem]) -> dict[str, Any]:
    """Give the Secret with the runtime config as TOML.

    Its name ends with a hash of the config as Git has it, so that a change rolls the pods, which SpinKube would not do. What stands in Git
    in plain is hashed, never what was decrypted, so the name gives nothing away.
    """
    _unsayable(app, problems)
    # With an error nothing of the app is applied, and a value that Spin would refuse may be none that TOML has.
    text = "" if has_errors(problems) else _toml(app)
    written = json.dumps(app.spec["runtimeConfig"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    suffix = hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": f"{app.name}-runtime-config-{suffix}", "namespace": app.namespace},
        "stringData": {RUNTIME_CONFIG_KEY: text},
    }


def literal_options(config: Mapping[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    """Give (pointer, option's name, text or None where only the cluster knows it) of every option of a store."""
    for pointer, store in stores(config):
        for name, option in sorted((store.get("options") or {}).items()):
            yield f"{pointer}/options/{name}", name, _literal(option)


def stores(config: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give every store, database and model with its pointer."""
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


def _file(config: Mapping[str, Any]) -> dict[str, Any]:
    """Give a config as Spin's file has it; values of the cluster, which are refused, are empty."""
    found: dict[str, Any] = dict(config.get("settings") or {})
    if config.get("providers"):
        found["variables_provider"] = list(config["providers"])
    for field, section in _SECTIONS:
        if config.get(field):
            found[section] = {name: _table(store) for name, store in sorted(config[field].items())}
    if config.get("llmCompute"):
        found["llm_compute"] = _table(config["llmCompute"])
    return found


def _table(store: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {"type": store["type"]}
    for name, option in sorted((store.get("options") or {}).items()):
        text = _literal(option)
        typed = (store["type"], name) in _TYPED and text in _BOOLEANS
        values[name] = "" if text is None else _BOOLEANS[text] if typed else text
    return values


def _toml(app: AppAssignment) -> str:
    written = _file(app.spec["runtimeConfig"])
    parts = []
    scalars = {key: value for key, value in written.items() if not isinstance(value, (dict, list))}
    if scalars:
        parts.append("".join(f"{toml_text.key(key)} = {toml_text.value(value)}\n" for key, value in scalars.items()))
    for section in ("variables_provider", *(key for key in written if key not in scalars)):
        value = written.pop(section, None)
        if isinstance(value, list):
            parts += [toml_text.table(f"[[{section}]]", each) for each in value]
        elif isinstance(value, dict) and section in {name for _, name in _SECTIONS}:
            parts += [
                toml_text.table(f"[{section}.{toml_text.key(name)}]", each) for name, each in sorted(value.items())
            ]
        elif isinstance(value, dict):
            parts.append(toml_text.table(f"[{section}]", value))
    return "\n".join(parts)


def _unsayable(app: AppAssignment, problems: list[Problem]) -> None:
    """Refuse values of the cluster beside what only a file written here could say."""
    config = app.spec["runtimeConfig"]
    places = [
        f"/runtimeConfig/providers/{index}"
        for index, provider in enumerate(config.get("providers") or ())
        if _refers(provider)
    ]
    places += [pointer for pointer, _, text in literal_options(config) if text is None]
    message = "this value comes from the cluster, and beside it stands what only a file written here could say"
    hint = "put the whole runtime config into a Secret of your own and name it in runtimeConfig.loadFromSecret"
    problems += [problem_at(app, pointer, "render.runtime-config", message, hint) for pointer in places]


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
