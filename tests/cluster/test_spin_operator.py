"""The SpinKube stand-in, which the session runs, on a real API server with real controllers: a SpinApp becomes ready pods."""

from __future__ import annotations

import asyncio
import base64
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from reconciler.cluster.connection import MERGE_PATCH, Connection
from reconciler.errors import ClusterError
from reconciler.local.controlplane import ControlPlane
from reconciler.local.spin_operator import RUNTIME_CLASS

pytestmark = pytest.mark.cluster

SPIN = "/apis/core.spinkube.dev/v1alpha1"
#: The garbage collector comes to know new definitions every 30 s only, and asks for owners of unknown kinds with backoff.
_PATIENCE = 150


class Shop:
    """A namespace with SpinApps, as a user sees it."""

    def __init__(self, connection: Connection, namespace: str) -> None:
        self.connection = connection
        self.namespace = namespace
        self.spin = f"{SPIN}/namespaces/{namespace}"
        self.deployment = f"/apis/apps/v1/namespaces/{namespace}/deployments/hello"
        self.service = f"/api/v1/namespaces/{namespace}/services/hello"

    async def create(self, plural: str, kind: str, name: str, spec: dict[str, Any]) -> None:
        obj = {"apiVersion": "core.spinkube.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}

        await self.connection.request("POST", f"{self.spin}/{plural}", body=obj)

    async def executor(self, **spec: Any) -> None:
        spec = spec or {"createDeployment": True, "deploymentConfig": {"runtimeClassName": RUNTIME_CLASS}}
        await self.create("spinappexecutors", "SpinAppExecutor", "shim", spec)

    async def app(self, **spec: Any) -> None:
        await self.create(
            "spinapps", "SpinApp", "hello", {"executor": "shim", "image": "a/b:v1", "replicas": 2, **spec}
        )

    async def get(self, path: str) -> Any:
        """The object, or None where there is none."""
        try:
            return (await self.connection.request("GET", path)).body
        except ClusterError as error:
            if error.status == 404:
                return None
            raise

    async def patch(self, path: str, change: dict[str, Any]) -> Any:
        return (await self.connection.request("PATCH", path, body=change, content_type=MERGE_PATCH)).body

    async def until(self, holds: Callable[[], Awaitable[Any]]) -> Any:
        async with asyncio.timeout(_PATIENCE):
            while not (value := await holds()):  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0.05)
        return value

    async def ready(self) -> Any:
        """The SpinApp, once its status says that it is available and names its Service, which a reconcile of its own may tell."""

        async def available() -> Any:
            app = await self.get(f"{self.spin}/spinapps/hello")
            told = {c["type"]: c["status"] for c in (app.get("status") or {}).get("conditions") or ()}
            settled = (
                told.get("Available") == "True" and app["status"]["readyReplicas"] and app["status"].get("serviceName")
            )
            return app if settled else None

        return await self.until(available)


@pytest.fixture
def shop(connection: Connection, namespace: str) -> Shop:
    return Shop(connection, namespace)


async def test_an_app_becomes_ready_pods_with_their_config(shop: Shop) -> None:
    await shop.executor()
    options = [{"name": "url", "value": "redis://cache"}]
    await shop.app(runtimeConfig={"keyValueStores": [{"name": "default", "type": "redis", "options": options}]})
    app = await shop.ready()
    assert app["status"]["readyReplicas"] == 2
    assert "observedGeneration" not in app["status"]
    deployment = await shop.get(shop.deployment)
    assert deployment["metadata"]["ownerReferences"][0]["uid"] == app["metadata"]["uid"]
    assert deployment["metadata"]["managedFields"][0]["manager"] == "spin-operator"
    assert deployment["status"]["availableReplicas"] == 2
    name = deployment["spec"]["template"]["spec"]["volumes"][0]["secret"]["secretName"]
    secret = await shop.get(f"/api/v1/namespaces/{shop.namespace}/secrets/{name}")
    assert b"redis://cache" in base64.b64decode(secret["data"]["runtime-config.toml"])
    assert (await shop.get(shop.service))["spec"]["selector"] == {"core.spinkube.dev/app.hello.status": "ready"}


async def test_right_after_a_change_the_status_still_tells_of_the_old_one(shop: Shop) -> None:
    await shop.executor()
    await shop.app()
    before = await shop.ready()
    changed = await shop.patch(f"{shop.spin}/spinapps/hello", {"spec": {"image": "a/b:v2"}})
    assert changed["metadata"]["generation"] == before["metadata"]["generation"] + 1
    told = {condition["type"]: condition["status"] for condition in changed["status"]["conditions"]}
    assert (told["Available"], changed["status"]["readyReplicas"]) == ("True", 2)

    async def rolled_out() -> bool:
        deployment = await shop.get(shop.deployment)
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        return container["image"] == "a/b:v2" and deployment["status"].get("updatedReplicas") == 2

    await shop.until(rolled_out)


async def test_what_others_change_on_the_deployment_is_put_right(shop: Shop) -> None:
    await shop.executor()
    await shop.app()
    await shop.ready()
    await shop.patch(shop.deployment, {"spec": {"replicas": 5}})

    async def healed() -> bool:
        return bool((await shop.get(shop.deployment))["spec"]["replicas"] == 2)

    await shop.until(healed)


@pytest.mark.slow
async def test_a_deleted_app_takes_everything_along(shop: Shop) -> None:
    await shop.executor()
    await shop.app()
    await shop.ready()
    await shop.connection.request("DELETE", f"{shop.spin}/spinapps/hello")

    async def gone() -> bool:
        return await shop.get(shop.deployment) is None and await shop.get(shop.service) is None

    await shop.until(gone)


async def test_an_executor_that_makes_no_deployments_gives_a_service_and_no_status(shop: Shop) -> None:
    await shop.executor(createDeployment=False)
    await shop.app()
    await shop.until(lambda: shop.get(shop.service))
    assert await shop.get(shop.deployment) is None
    assert "status" not in await shop.get(f"{shop.spin}/spinapps/hello")


async def test_an_app_waits_for_its_executor_and_an_event_says_so(shop: Shop) -> None:
    await shop.app()
    events = f"/apis/events.k8s.io/v1/namespaces/{shop.namespace}/events"

    async def told() -> list[Any]:
        return [event for event in (await shop.get(events))["items"] if event["reason"] == "MissingExecutor"]

    (event,) = await shop.until(told)
    assert (event["type"], event["regarding"]["name"]) == ("Warning", "hello")
    assert await shop.get(shop.deployment) is None
    await shop.executor()
    await shop.ready()


async def test_an_executor_stays_until_its_last_app_is_gone(shop: Shop) -> None:
    await shop.executor()
    await shop.app()
    await shop.ready()
    path = f"{shop.spin}/spinappexecutors/shim"
    await shop.connection.request("DELETE", path)
    held = await shop.get(path)
    assert held["metadata"]["deletionTimestamp"]
    assert held["metadata"]["finalizers"] == ["core.spinkube.dev/finalizer"]
    await shop.connection.request("DELETE", f"{shop.spin}/spinapps/hello")

    async def gone() -> bool:
        return await shop.get(path) is None

    await shop.until(gone)


async def test_a_steady_state_writes_nothing(shop: Shop) -> None:
    await shop.executor()
    await shop.app()
    await shop.ready()
    paths = (shop.deployment, shop.service, f"{shop.spin}/spinapps/hello")

    async def versions() -> list[str]:
        return [(await shop.get(path))["metadata"]["resourceVersion"] for path in paths]

    async def settled() -> bool:
        before = await versions()
        await asyncio.sleep(0.5)
        return before == await versions()

    await shop.until(settled)
    before = await versions()
    await asyncio.sleep(1.0)
    assert await versions() == before


async def test_the_command_ends_quietly_when_it_is_told_to(control_plane: ControlPlane) -> None:
    command = ["-m", "reconciler.local.spin_operator", "--kubeconfig", str(control_plane.kubeconfig)]
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stderr=asyncio.subprocess.PIPE)
    assert process.stderr is not None
    async with asyncio.timeout(30):
        while b"watching SpinApps" not in (line := await process.stderr.readline()):
            assert line, "it ended before it began"
        process.send_signal(signal.SIGTERM)
        rest = await process.stderr.read()
        assert await process.wait() == 0, rest.decode()
    assert b"Traceback" not in rest
