from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from reconciler.fleet.model import AppAssignment, Cluster, Executor
from reconciler.manifest.model import Application, Component, Trigger, Variable
from reconciler.render import Rendered, render_unit

#: What SpinKube's guide installs, and one that leaves the pods to somebody else.
DEFAULT = Executor(
    name="containerd-shim-spin",
    spec={"createDeployment": True, "deploymentConfig": {"runtimeClassName": "wasmtime-spin-v2"}},
    path="fleet.yaml",
    line=1,
)
PODLESS = Executor(name="containerd-shim-spin", spec={"createDeployment": False}, path="fleet.yaml", line=1)


def assignment(
    spec: Mapping[str, Any] | None = None,
    *,
    name: str = "shop",
    routes: Sequence[Any] = ("/...",),
    trigger: str = "http",
    hosts: tuple[str, ...] = (),
    variables: Mapping[str, Variable] | None = None,
    executor: Executor | None = DEFAULT,
    **more: Any,
) -> AppAssignment:
    """Give an app of one component for each route, as an Assignment holds it."""
    triggers = tuple(
        Trigger(type=trigger, component=f"c{number}", config={"route": route} if trigger == "http" else {})
        for number, route in enumerate(routes)
    )
    components = {each.component: Component(id=each.component, source="a.wasm", allowed_outbound_hosts=hosts) for each in triggers if each.component}  # fmt: skip
    wanted = {"artifact": f"r/{name}@sha256:{'a' * 64}", "namespace": "apps", "executor": "containerd-shim-spin"}
    wanted |= {} if spec and "autoscaling" in spec else {"replicas": 1}
    return AppAssignment(
        name=name,
        path=f"{name}/app.yaml",
        line=1,
        namespace="apps",
        spec={**wanted, **(spec or {})},
        origins={},
        application=Application(manifest_version=2, name=name, version="1.0.0+é", triggers=triggers, components=components, variables=variables or {}),
        manifest_path=f"{name}/spin.toml",
        version="v",
        fleet="acme",
        executor=executor,
        **more,
    )  # fmt: skip


@pytest.fixture
def app() -> Callable[..., AppAssignment]:
    return assignment


@pytest.fixture
def cluster() -> Cluster:
    return Cluster(name="eu", path="eu.yaml", line=1)


@pytest.fixture
def rendered(cluster: Cluster) -> Callable[..., Rendered]:
    """Render an app given by its spec and manifest."""
    return lambda *spec, **manifest: render_unit(assignment(*spec, **manifest), cluster)


@pytest.fixture
def of_kind(rendered: Callable[..., Rendered]) -> Callable[..., Any]:
    """Render an app and give its one object of a kind."""

    def find(kind: str, *spec: Any, **manifest: Any) -> Any:
        result = rendered(*spec, **manifest)
        (found,) = [each for each in result.objects if each["kind"] == kind]
        return found

    return find
