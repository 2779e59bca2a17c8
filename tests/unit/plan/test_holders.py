from __future__ import annotations

from typing import Any

from reconciler.plan.diff import changed
from reconciler.plan.holders import with_holders
from reconciler.plan.model import FieldChange


def _pod(image: str, *, replicas: int = 1) -> dict[str, Any]:
    ports = [{"containerPort": 53, "protocol": "TCP"}, {"containerPort": 53, "protocol": "UDP"}]
    containers = [{"name": "main", "image": image, "ports": ports}]
    return {"kind": "Deployment", "metadata": {"name": "d"}, "spec": {"replicas": replicas, "containers": containers}}


def _held(**fields: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"manager": name, "operation": "Update", "fieldsV1": {"f:spec": each}} for name, each in fields.items()]


def test_a_change_names_who_else_has_the_field() -> None:
    live = _pod("a:1", replicas=5)
    image = {"f:containers": {'k:{"name":"main"}': {"f:image": {}}}}
    live["metadata"]["managedFields"] = _held(ours={"f:replicas": {}}, scaler={"f:replicas": {}}, editor=image)
    found = with_holders(changed(live, {**_pod("a:2"), "metadata": live["metadata"]}), live, "ours")
    assert found == (
        FieldChange("/spec/replicas", 5, 1, set_by=("scaler",)),
        FieldChange("/spec/containers/main/image", "a:1", "a:2", set_by=("editor",)),
    )


def test_who_has_a_list_as_a_whole_has_what_is_in_it() -> None:
    live = _pod("a:1")
    live["metadata"]["managedFields"] = _held(editor={"f:containers": {}})
    change = FieldChange("/spec/containers/main/image", "a:1", "a:2")
    assert with_holders([change], live, "ours")[0].set_by == ("editor",)


def test_who_wrote_the_status_is_nobody_to_ask() -> None:
    live = _pod("a:1")
    live["metadata"]["managedFields"] = [{**_held(scaler={"f:replicas": {}})[0], "subresource": "status"}]
    assert with_holders([FieldChange("/spec/replicas", 1, 2)], live, "ours")[0].set_by == ()
