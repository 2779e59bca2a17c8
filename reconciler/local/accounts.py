"""A kubeconfig with a service account's rights and no others, for a process outside the cluster."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from reconciler.cluster.connection import Connection


async def account_kubeconfig(connection: Connection, namespace: str, account: str, *, seconds: int = 86400) -> str:
    """Give a kubeconfig with a token of the account (TokenRequest), good for `seconds`. Raises ClusterError where it is not given."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": seconds}}
    answer = await connection.request(
        "POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", body=review
    )
    cluster = {"server": connection.server}
    if authority := connection.authority:
        cluster["certificate-authority-data"] = base64.b64encode(authority).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": cluster}],
        "users": [{"name": account, "user": {"token": answer.body["status"]["token"]}}],
        "contexts": [{"name": account, "context": {"cluster": "cluster", "user": account, "namespace": namespace}}],
        "current-context": account,
    }
    return json.dumps(config, indent=2)


def written(path: Path, text: str) -> Path:
    """Write a file that only its owner can read."""
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    return path
