"""Waiting for rights: the authorizer follows its own watch, so that a binding just made holds a moment later."""

from __future__ import annotations

import time

from reconciler.local.controlplane import ControlPlane


def wait_until_allowed(
    plane: ControlPlane, user: str, verb: str, plural: str, *, group: str = "", name: str = "", namespace: str = ""
) -> None:
    """Return once an access review of the administrator's says that a user may do this; fails after a minute."""
    attributes = {"verb": verb, "group": group, "resource": plural, "name": name, "namespace": namespace}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "groups": _groups(user), "resourceAttributes": attributes},
    }
    end = time.monotonic() + 60
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    while not plane.request("POST", path, review)["status"]["allowed"]:
        assert time.monotonic() < end, f"{user} may still not {verb} {plural} {name} in {namespace or 'the cluster'}"
        time.sleep(0.02)


def account(namespace: str, name: str) -> str:
    """The user name of a service account."""
    return f"system:serviceaccount:{namespace}:{name}"


def _groups(user: str) -> list[str]:
    kind, _, rest = user.partition("system:serviceaccount:")
    groups = ["system:authenticated"]
    return (
        groups
        if kind or not rest
        else [*groups, "system:serviceaccounts", "system:serviceaccounts:" + rest.split(":")[0]]
    )
