"""What an artifact's components are granted, and what they import without a grant."""

from __future__ import annotations

import re
from collections.abc import Iterable

from reconciler.artifact.locked_app import LockedComponent
from reconciler.manifest.capabilities import Capabilities

#: Interfaces by what they need granted; those of WASI's own, and variables, need nothing (design: Capabilities).
_STORES = re.compile(r"(fermyon:spin|spin:key-value)/key-value|wasi:keyvalue/.*")
_DATABASES = re.compile(r"(fermyon:spin|spin:sqlite)/sqlite")
_MODELS = re.compile(r"fermyon:spin/llm")
_NETWORK = re.compile(r"(?:fermyon:spin|spin:\w+)/(redis|mysql|postgres|mqtt|http)")
#: The schemes that let an interface reach anything; a scheme that is a template may be any.
_SCHEMES = {
    "redis": {"redis", "rediss"},
    "mysql": {"mysql", "mysqls"},
    "postgres": {"postgres", "postgresql"},
    "mqtt": {"mqtt", "mqtts"},
    "http": {"http", "https"},
}


def granted(component: LockedComponent) -> Capabilities:
    """Give what a component of an artifact is granted."""
    return Capabilities.of(
        hosts=component.granted("allowed_outbound_hosts"),
        stores=component.granted("key_value_stores"),
        databases=component.granted("databases"),
        models=component.granted("ai_models"),
        files=(file.path for file in component.files),
    )


def undeclared(capabilities: Capabilities, imports: Iterable[str]) -> tuple[str, ...]:
    """Give the imports that nothing is granted for, sorted. An import is no sign of use: language toolchains import nearly everything."""
    return tuple(sorted(name for name in set(imports) if not _covered(name.partition("@")[0], capabilities)))


def _covered(name: str, capabilities: Capabilities) -> bool:
    if _STORES.fullmatch(name):
        return bool(capabilities.stores)
    if _DATABASES.fullmatch(name):
        return bool(capabilities.databases)
    if _MODELS.fullmatch(name):
        return bool(capabilities.models)
    found = _NETWORK.fullmatch(name)
    return found is None or any(_reaches(host, _SCHEMES[found[1]]) for host in capabilities.hosts)


def _reaches(host: str, schemes: set[str]) -> bool:
    scheme = host.partition("://")[0].strip()
    return scheme in schemes or scheme == "*" or "{{" in scheme
