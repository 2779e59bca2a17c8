"""serviceAccount becomes a ServiceAccount: annotations are how EKS, GKE and AKS tie it to an identity of the cloud."""

from __future__ import annotations

from typing import Any

from reconciler.fleet.model import AppAssignment


def makes_account(app: AppAssignment) -> bool:
    """Tell whether an app asks for its account to be made; annotations alone ask for it too."""
    wanted = app.spec.get("serviceAccount") or {}
    return bool(wanted.get("create", bool(wanted)))


def account_name(app: AppAssignment) -> str:
    """Give the name of the account that the app's pods run as; empty for the namespace's default."""
    return str(app.spec.get("serviceAccountName") or (app.name if makes_account(app) else ""))


def service_account(app: AppAssignment) -> dict[str, Any]:
    """Give the ServiceAccount. Apps may share it, so it carries no app's labels."""
    metadata: dict[str, Any] = {"name": account_name(app), "namespace": app.namespace}
    if annotations := (app.spec.get("serviceAccount") or {}).get("annotations"):
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
