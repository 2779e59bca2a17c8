"""Names that SpinKube gives to what it makes of a SpinApp, by which other objects point at it (source: spin-operator, internal/controller)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

API_VERSION = "core.spinkube.dev/v1alpha1"
#: Label of a SpinApp's Deployment and pods.
APP_NAME_LABEL = "core.spinkube.dev/app-name"
#: Port of its Service, and name and number of the port of its container.
SERVICE_PORT = 80
PORT_NAME = "http-app"
RUNTIME_CONFIG_KEY = "runtime-config.toml"
RUNTIME_CONFIG_PATH = "/runtime-config.toml"


def pods_of(name: str) -> dict[str, Any]:
    """Give the label selector of a SpinApp's pods."""
    return {"matchLabels": {APP_NAME_LABEL: name}}


def resources_of(resources: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Give requests and limits as the API takes them: YAML users write 0.5, and a quantity is a text or a whole number."""
    return {
        kind: {name: str(value) if isinstance(value, float) else value for name, value in each.items()}
        for kind, each in resources.items()
    }


def deployment_of(name: str) -> dict[str, str]:
    """Give the reference by which a scaler targets a SpinApp: its Deployment, because a SpinApp has no scale subresource."""
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
