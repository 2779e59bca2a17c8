"""A whole fleet on one machine: control planes, registry, Git server, agents; every part is the real one.

The steps stand in `run` in the order in which they are taken. Everything that is started is ended with this process.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from reconciler import data
from reconciler.agent.applying import apply_objects
from reconciler.agent.install import AGENT_ACCOUNT, FLEETSYNC, NAMESPACE, Installation, base_objects, fleetsync
from reconciler.cluster.connection import Connection
from reconciler.errors import InputError, SpinfleetError, UnavailableError
from reconciler.local import gitserver, publish
from reconciler.local.accounts import account_kubeconfig, written
from reconciler.local.binary import Components, find_or_build
from reconciler.local.controlplane import ControlPlane
from reconciler.local.demo_view import Steps, View, steps_for, view_for
from reconciler.local.ports import free_ports
from reconciler.local.processes import Processes, wait_until
from reconciler.local.registry import Registry

#: The example's clusters, in the order in which `--clusters N` takes them.
CLUSTERS = ("staging", "eu", "us")
APPS = ("hello", "greeter")
_PREFIX = "ghcr.io/acme"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HEALTHY_WITHIN = 180.0
_INTERVAL = "2s"


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoOptions:
    """What the command line says. `context` names an existing cluster in place of the local ones; `once`: end when healthy."""

    clusters: int = 1
    keep: bool = False
    once: bool = False
    context: str | None = None
    kubeconfig: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoCluster:
    """One cluster of the demo: its name in the fleet, and the credentials of its administrator and of its agent."""

    name: str
    admin: Path | None
    context: str | None
    agent: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """What the steps have made so far."""

    folder: Path
    processes: Processes
    components: Components
    registry: Registry
    url: str


def run(options: DemoOptions) -> int:
    """Run the demo until Ctrl-C, or until the fleet is healthy with `once`. Gives the exit code: 1 where it does not get healthy.

    Raises InputError and UnavailableError where something it needs is missing.
    """
    if not 1 <= options.clusters <= len(CLUSTERS):
        raise InputError(f"the example has {len(CLUSTERS)} clusters", hint=f"ask for 1 to {len(CLUSTERS)}")
    with _ended_by_signals(), _folder(keep=options.keep) as folder, steps_for() as steps:
        processes = Processes(folder / "logs")
        planes: list[ControlPlane] = []
        registry: Registry | None = None
        try:
            components = _components(steps)
            if options.context is None:
                planes += _planes(options.clusters, components, folder, steps)
            registry = _registry(components, folder, steps)
            fleet = _artifacts(registry, folder, steps)
            url = _repository(fleet, folder, processes, steps)
            world = World(folder=folder, processes=processes, components=components, registry=registry, url=url)
            clusters = _installed(world, planes, options, steps)
            for cluster in clusters:
                _agent(cluster, world)
            steps.close()
            return _shown(view_for(clusters, world.url, _kubectl(components), options), options)
        except KeyboardInterrupt:
            return 0 if not options.once else 130
        finally:
            processes.stop(patience=15.0)
            for each in (registry, *planes):
                if each is not None:
                    each.stop()


def _components(steps: Steps) -> Components:
    """Step 1: find or build the control plane."""
    with steps.step("Control plane binary") as tell:
        return find_or_build(tell)


def _planes(count: int, components: Components, folder: Path, steps: Steps) -> list[ControlPlane]:
    """Step 1, continued: start one for each cluster."""
    planes: list[ControlPlane] = []
    try:
        for name in CLUSTERS[:count]:
            with steps.step(f"Kubernetes API server of cluster {name}"):
                planes.append(ControlPlane.start(components, folder / name))
    except BaseException:
        for plane in planes:
            plane.stop()
        raise
    return planes


def _registry(components: Components, folder: Path, steps: Steps) -> Registry:
    with steps.step("OCI registry"):
        return Registry.start(components, folder / "registry")


def _artifacts(registry: Registry, folder: Path, steps: Steps) -> Path:
    """Step 3: build and push the example's artifacts, and put their digests into a copy of the fleet, as a pipeline would."""
    fleet = folder / "fleet"
    shutil.copytree(data.folder("fleet-example"), fleet)
    for name in APPS:
        with steps.step(f"Artifact of app {name}") as tell:
            tell("building", 0.0)
            built = publish.build(fleet / "apps" / name)
            tell("pushing", 0.8)
            digest = publish.push(publish.assemble(built), registry.host, f"{_PREFIX.partition('/')[2]}/{name}")
            document = fleet / "apps" / name / "app.yaml"
            document.write_text(_DIGEST.sub(digest, document.read_text(encoding="utf-8"), count=1), encoding="utf-8")
    return fleet


def _repository(fleet: Path, folder: Path, processes: Processes, steps: Steps) -> str:
    """Step 4: publish the fleet over smart HTTP."""
    with steps.step("Git repository"):
        root = folder / "git"
        root.mkdir()
        gitserver.publish(fleet, root, "fleet")
        (port,) = free_ports(1)
        command = [sys.executable, "-m", "reconciler.local.gitserver", "--root", str(root), "--port", str(port)]
        process = processes.start("git-server", command)
        url = f"http://127.0.0.1:{port}/fleet.git"
        wait_until(lambda: _listening(url), processes=[process], what="the Git server")
    return url


def _installed(world: World, planes: list[ControlPlane], options: DemoOptions, steps: Steps) -> list[DemoCluster]:
    """Steps 2 and 5: definitions, the SpinKube stand-in, Spinfleet's base and a FleetSync; then the agent's own kubeconfig."""
    targets: list[tuple[str, Path | None]] = [
        (name, plane.kubeconfig) for name, plane in zip(CLUSTERS, planes, strict=False)
    ]
    if options.context is not None:
        targets = [(CLUSTERS[0], options.kubeconfig)]
    clusters = []
    for name, admin in targets:
        with steps.step(f"Spinfleet in cluster {name}"):
            asyncio.run(_install(name, admin, options.context, world))
            _stand_in(name, admin, options.context, world)
            credentials = asyncio.run(_agent_credentials(admin, options.context))
            agent = written(world.folder / f"{name}.agent.kubeconfig", credentials)
            clusters.append(DemoCluster(name=name, admin=admin, context=options.context, agent=agent))
    return clusters


async def _install(name: str, admin: Path | None, context: str | None, world: World) -> None:
    registries = ({"prefix": _PREFIX, "mirror": world.registry.host, "plainHTTP": True},)
    installation = Installation(cluster=name, url=world.url, interval=_INTERVAL, registries=registries)
    # The agent runs here as a process with exactly the rights that its Deployment would have.
    base = [obj for obj in base_objects() if obj["kind"] != "Deployment"]
    await apply_objects(
        [*_definitions(), *base, fleetsync(installation)], kubeconfig=admin, context=context, told=lambda _: None
    )


def _definitions() -> list[dict[str, Any]]:
    folder = data.folder("deploy") / "crds"
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*spinkube*.yaml"))]


def _stand_in(name: str, admin: Path | None, context: str | None, world: World) -> None:
    command = [sys.executable, "-m", "reconciler.local.spin_operator"]
    command += ["--kubeconfig", str(admin)] if admin is not None else []
    command += ["--context", context] if context is not None else []
    world.processes.start(f"spin-operator-{name}", command)


async def _agent_credentials(admin: Path | None, context: str | None) -> str:
    async with await Connection.open(admin, context) as connection:
        return await account_kubeconfig(connection, NAMESPACE, AGENT_ACCOUNT)


def _agent(cluster: DemoCluster, world: World) -> None:
    """Step 5: the agent as its own process."""
    command = [
        sys.executable, "-c", "from reconciler.cli.main import main; main()", "agent", "--fleetsync", f"{NAMESPACE}/{FLEETSYNC}",
        "--kubeconfig", str(cluster.agent), "--cache", str(world.folder / f"{cluster.name}.cache"), "--listen", "127.0.0.1:0",
    ]  # fmt: skip
    world.processes.start(f"agent-{cluster.name}", command)


def _shown(view: View, options: DemoOptions) -> int:
    """Step 6: a live table until it is ended, or until everything is healthy."""
    try:
        reason = asyncio.run(view.follow(until_healthy=_HEALTHY_WITHIN if options.once else None))
    except SpinfleetError as error:
        raise UnavailableError(f"the demo's cluster does not answer any more: {error.message}") from error
    if reason:
        view.failed(reason)
        return 1
    return 0


def _kubectl(components: Components) -> str:
    """Give the kubectl of the machine, else the one in the control-plane binary."""
    return "kubectl" if shutil.which("kubectl") else " ".join(components.command("kubectl"))


def _listening(url: str) -> bool:
    import urllib.request

    try:
        with urllib.request.urlopen(f"{url}/info/refs?service=git-upload-pack", timeout=2):  # noqa: S310 - http to ourselves
            return True
    except OSError:
        return False


@contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    """Give a folder for this run; it stays with its logs where that is asked for."""
    folder = Path(tempfile.mkdtemp(prefix="spinfleet-demo-"))
    try:
        yield folder
    finally:
        if keep:
            print(f"kept: {folder}", file=sys.stderr)  # noqa: T201 - the command's own word
        else:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Have SIGTERM end the demo as Ctrl-C does: in order."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
