"""Planning what is there already changes nothing, and its order is one of need."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.plan.model import Action, key_of
from reconciler.plan.order import rank
from reconciler.plan.plan import plan
from reconciler.plan.prepare import prepare

_SET = "applyset-x-v1"
_KINDS = st.sampled_from(
    [("v1", "Namespace"), ("v1", "Secret"), ("apps/v1", "Deployment"), ("core.spinkube.dev/v1alpha1", "SpinApp"),
     ("networking.k8s.io/v1", "Ingress"), ("e/v1", "Thing")]
)  # fmt: skip


@st.composite
def _objects(draw: Any) -> dict[str, Any]:
    api, kind = draw(_KINDS)
    metadata = {
        "name": draw(st.text("abc", min_size=1, max_size=2)),
        "annotations": {"spinfleet.dev/app": draw(st.sampled_from("pq"))},
    }
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": {"value": draw(st.integers(0, 2))}}


_SETS = st.lists(_objects(), max_size=8, unique_by=key_of).map(lambda found: [prepare(each, _SET) for each in found])


@given(_SETS)
def test_a_plan_of_what_is_there_changes_nothing(objects: list[Any]) -> None:
    assert plan(objects, {key_of(each): each for each in objects}, applyset=_SET).changes == ()


@given(_SETS, _SETS)
def test_taking_a_plans_steps_leads_to_what_is_desired(desired: list[Any], before: list[Any]) -> None:
    live = {key_of(each): each for each in before}
    for step in plan(desired, live, applyset=_SET).steps:
        if step.action is Action.PRUNE:
            del live[step.key]
        elif step.object is not None:
            live[step.key] = step.object
    assert live == {key_of(each): each for each in desired}


@given(_SETS, _SETS)
def test_applies_go_up_the_waves_and_then_prunes_go_down(desired: list[Any], before: list[Any]) -> None:
    live = {key_of(each): each for each in before}
    steps = plan(desired, live, applyset=_SET).steps
    applies = [rank(step.object) for step in steps if step.object is not None]
    prunes = [rank(live[step.key]) for step in steps if step.action is Action.PRUNE]
    assert applies == sorted(applies)
    assert prunes == sorted(prunes, reverse=True)
    assert [step.action is Action.PRUNE for step in steps] == sorted(step.action is Action.PRUNE for step in steps)


@given(_SETS, st.randoms(use_true_random=False))
def test_the_order_in_which_objects_are_given_does_not_matter(objects: list[Any], random: Any) -> None:
    turned = list(objects)
    random.shuffle(turned)
    assert plan(turned, {}, applyset=_SET) == plan(objects, {}, applyset=_SET)
