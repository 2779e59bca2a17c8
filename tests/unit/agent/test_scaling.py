"""Which workloads have an autoscaler: owner by owner is as the whole at once, and what is live counts until it goes."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.agent.desired import Desired, desired, rescaled
from reconciler.agent.members import Member, Members
from reconciler.agent.scaling import Scaling
from reconciler.plan.drift import HEAL, DriftPolicy
from reconciler.plan.model import Health, HealthResult, ObjectKey


def workload(name: str) -> ObjectKey:
    return ObjectKey("apps", "Deployment", "n", name)


def targets(names: frozenset[str]) -> frozenset[ObjectKey]:
    return frozenset(map(workload, names))


def scaler(name: str, owner: str, target: str) -> Member:
    return Member(
        key=ObjectKey("autoscaling", "HorizontalPodAutoscaler", "n", name), api_version="autoscaling/v2", uid="u", resource_version=1,
        owner=owner, owned_hash=None, content=None, health=HealthResult(Health.CURRENT), scales=workload(target),
    )  # fmt: skip


@given(st.lists(st.tuples(st.sampled_from("abc"), st.frozensets(st.sampled_from("xyz"))), max_size=12))
def test_owner_by_owner_is_as_the_whole_and_every_change_is_told(steps: list[tuple[str, frozenset[str]]]) -> None:
    scaling, last = Scaling(members=Members()), dict[str, frozenset[str]]()
    for owner, names in steps:
        before = {name for name in "xyz" if workload(name) in scaling}
        told = scaling.put(owner, targets(names))
        last[owner] = names
        now = {name for name in "xyz" if workload(name) in scaling}
        assert now == frozenset[str]().union(*last.values())
        assert targets(frozenset(before ^ now)) <= told


def test_a_live_autoscaler_counts_until_it_goes_whatever_its_owner_wants() -> None:
    members = Members()
    scaling = Scaling(members=members)
    members.put(scaler("h", "b", "x"))
    assert members.take_rescaled() == {workload("x")}
    scaling.put("b", targets(frozenset("x")))
    scaling.put("b", frozenset())
    assert workload("x") in scaling
    members.drop(scaler("h", "b", "x").key)
    assert members.take_rescaled() == {workload("x")}
    assert workload("x") not in scaling


def test_a_live_autoscaler_that_turns_to_another_workload_or_goes_is_told() -> None:
    members = Members()
    members.put(scaler("h", "b", "x"))
    members.take_rescaled()
    members.put(scaler("h", "b", "y"))
    assert (members.take_rescaled(), members.has_scaler(workload("x"))) == ({workload("x"), workload("y")}, False)
    members.drop(scaler("h", "b", "y").key)
    assert (members.take_rescaled(), members.has_scaler(workload("y"))) == ({workload("y")}, False)


def _wanted(drift: DriftPolicy, **spec: Any) -> Desired:
    metadata = {"name": "x", "namespace": "n", "annotations": {"a": "b"}}
    obj = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"paused": False, **spec}}
    return desired(obj, "a", drift=drift, replicas=spec.get("replicas"))


@given(st.booleans(), st.lists(st.booleans(), max_size=6), st.none() | st.integers(0, 9))
def test_the_number_is_sent_exactly_while_no_autoscaler_is_there(
    report: bool, steps: list[bool], replicas: int | None
) -> None:
    drift = DriftPolicy(report=True) if report else HEAL
    spec = {} if replicas is None else {"replicas": replicas}
    item = whole = _wanted(drift, **spec)
    for scaled in steps:
        item = rescaled(item, targets(frozenset("x")) if scaled else frozenset())
        assert item.object()["spec"] == {"paused": False} | ({} if scaled else spec)
        assert item.autoscaled is scaled
    assert rescaled(item, frozenset()) == whole
    assert rescaled(whole, frozenset()) is whole
