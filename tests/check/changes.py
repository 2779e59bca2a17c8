"""Kinds of change that people make, each by its name: tests/check/golden has what is reported of it."""

from __future__ import annotations

from tests.check.conftest import Change, Files, edit

CHECKOUT, PAYMENTS = "apps/checkout/app.yaml", "apps/payments/app.yaml"
WEB = "platform/web/web.yaml"
DIGEST = "sha256:" + "b" * 64


def _nothing(fleet: Files) -> None:
    fleet["README.md"] = "# Acme\n"


def _new_app(fleet: Files) -> None:
    fleet["apps/cart/app.yaml"] = fleet[CHECKOUT].replace("checkout", "cart").replace("shop.", "cart.")
    fleet["apps/cart/spin.toml"] = fleet["apps/checkout/spin.toml"].replace("checkout", "cart")


def _app_gone(fleet: Files) -> None:
    del fleet[PAYMENTS], fleet["apps/payments/spin.toml"]


def _bundle_gone(fleet: Files) -> None:
    for path in [path for path in fleet if path.startswith("platform/")]:
        del fleet[path]


def _renamed(fleet: Files) -> None:
    for path in [path for path in fleet if path.startswith("apps/checkout/")]:
        fleet[path.replace("apps/checkout", "shop/till")] = fleet.pop(path)


def _moved(fleet: Files) -> None:
    at = fleet[WEB].index("apiVersion: v1\nkind: ConfigMap")
    end = fleet[WEB].index("---\napiVersion: apps/v1")
    fleet["pages/objects/pages.yaml"] = fleet[WEB][at:end]
    fleet[WEB] = fleet[WEB][:at] + fleet[WEB][end + 4 :]
    fleet["pages/bundle.yaml"] = (
        "apiVersion: spinfleet.dev/v1alpha1\nkind: Bundle\nmetadata: {name: pages}\nspec: {path: objects, namespace: web}\n"
    )


def _new_cluster(fleet: Files) -> None:
    fleet["clusters.yaml"] += "---\n" + fleet["clusters.yaml"].split("---\n")[-1].replace("us-1", "us-2")


def _cluster_gone(fleet: Files) -> None:
    fleet["clusters.yaml"] = "---\n".join(fleet["clusters.yaml"].split("---\n")[:-1])


def _many_gone(fleet: Files) -> None:
    for number in range(24):
        fleet[f"platform/web/more-{number:02d}.yaml"] = (
            f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: more-{number:02d}}}\ndata: {{}}\n"
        )


def _not_valid(fleet: Files) -> None:
    fleet[CHECKOUT] = fleet[CHECKOUT].replace("  routes:", "  replcas: 3\n  routes:")


CHANGES: dict[str, Change] = {
    "nothing": _nothing,
    "replicas": edit(CHECKOUT, "replicas: 4", "replicas: 6"),
    "digest": edit(CHECKOUT, "a" * 64, "c" * 64),
    "variable-of-clusters": edit(CHECKOUT, "Welcome to", "Hello from"),
    "defaults": edit("fleet.yaml", "replicas: 2", "replicas: 3"),
    "new-app": _new_app,
    "app-gone": _app_gone,
    "bundle-gone": _bundle_gone,
    "placement": edit(PAYMENTS, "{env: prod}", "{region: eu}"),
    "namespace": edit(PAYMENTS, "namespace: payments", "namespace: billing"),
    "files-renamed": _renamed,
    "object-moved": _moved,
    "secret": edit(WEB, "correct-horse", "battery-staple"),
    "quantity-written-otherwise": edit(WEB, "cpu: 100m", "cpu: 0.1"),
    "route": edit(CHECKOUT, "shop.${cluster.domain}", "store.${cluster.domain}"),
    "egress": edit("apps/checkout/spin.toml", "rates.example.com", "payments.example.com"),
    "not-valid": _not_valid,
    "new-cluster": _new_cluster,
    "cluster-gone": _cluster_gone,
    "cluster-variable": edit("clusters.yaml", "domain: us-1.acme.example", "domain: us.acme.example"),
    "suspended": edit(CHECKOUT, "spec:\n  artifact", "spec:\n  suspend: true\n  artifact"),
    "image": edit(WEB, "nginx-unprivileged:1.29", "nginx-unprivileged:1.30"),
}
#: What the fleet is changed to before the change of a name.
BEFORE: dict[str, Change] = {"many-gone": _many_gone, "fixed": _not_valid}
CHANGES["many-gone"] = lambda fleet: [fleet.pop(path) for path in list(fleet) if "/more-" in path] and None
CHANGES["fixed"] = edit(CHECKOUT, "  replcas: 3\n", "")
