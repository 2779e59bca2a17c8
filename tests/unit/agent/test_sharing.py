"""What running releases share is the union of what each needs, kept up app by app."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.agent.sharing import Sharing
from reconciler.fleet.model import AppAssignment, BundleAssignment, Cluster, SourcedObject
from reconciler.manifest import parse
from reconciler.render import render_shared

CLUSTER = Cluster(name="eu", path="c.yaml", line=1)
MANIFEST = b'spin_manifest_version = 2\n[application]\nname = "a"\n[[trigger.http]]\nroute = "/..."\ncomponent = "m"\n[component.m]\nsource = "m.wasm"\n'
APPLICATION = parse(MANIFEST, "spin.toml").application


def app(name: str, namespace: str) -> AppAssignment:
    assert APPLICATION is not None
    spec = {"artifact": "x", "executor": "containerd-shim-spin", "serviceAccount": {"create": True}}
    return AppAssignment(
        name=name, path=f"{name}.yaml", line=1, namespace=namespace, spec=spec, origins={}, application=APPLICATION,
        manifest_path="spin.toml", version="1",
    )  # fmt: skip


def bundle(name: str, namespace: str) -> BundleAssignment:
    obj = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    return BundleAssignment(
        name=name, path=f"{name}.yaml", line=1, namespace=None, spec={}, version="1",
        objects=(SourcedObject(object=obj, path=f"{name}.yaml", line=1),),
    )  # fmt: skip


steps = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["app", "bundle", "gone"]), st.sampled_from("xy")), max_size=10
)


@given(steps)
def test_it_is_what_rendering_all_of_them_gives(history: list[tuple[str, str, str]]) -> None:
    sharing, units = Sharing(), {}
    for name, kind, namespace in history:
        units[name] = {"app": app, "bundle": bundle, "gone": lambda *_: None}[kind](name, namespace)  # type: ignore[operator]
        sharing.put(name, units[name], CLUSTER)
    running = [unit for unit in units.values() if unit is not None]
    assert sharing.objects(CLUSTER) == render_shared(running, CLUSTER).objects


def test_an_app_that_shares_nothing_new_changes_nothing() -> None:
    sharing = Sharing()
    sharing.put("a", app("a", "x"), CLUSTER)
    assert sharing.changed
    sharing.objects(CLUSTER)
    sharing.put("a", app("a", "x"), CLUSTER)
    assert not sharing.changed
