"""Which version of an app may run: valid, rendered and verified; nothing an app does stops the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from reconciler.agent.decryption import Decryption
from reconciler.agent.fleetsync import Policy
from reconciler.agent.metrics import Metrics
from reconciler.agent.releases import Held, Release, Releases
from reconciler.artifact.model import Expected, Verdict, VerdictStatus
from reconciler.fleet.model import AppAssignment, Assignment, Cluster, Fleet, Unit, Withheld
from reconciler.manifest import parse
from reconciler.problems import Problem

NO_KEYS = Decryption(connection=cast("Any", None), namespace="", secret="")

CLUSTER = Cluster(name="eu", path="c.yaml", line=1)
ARTIFACTS = {"unsigned": "Allow"}
MANIFEST = b'spin_manifest_version = 2\n[application]\nname = "a"\n[[trigger.http]]\nroute = "/..."\ncomponent = "m"\n[component.m]\nsource = "m.wasm"\n'


def app(name: str, artifact: str = "ghcr.io/acme/app@sha256:" + "a" * 64) -> AppAssignment:
    application = parse(MANIFEST, "spin.toml").application
    assert application is not None
    spec = {"artifact": artifact, "executor": "containerd-shim-spin", "replicas": 1}
    return AppAssignment(
        name=name,
        path="app.yaml",
        line=1,
        namespace="shop",
        spec=spec,
        origins={},
        application=application,
        manifest_path="spin.toml",
        version="v",
    )


class Answers:
    """A verifier that says what it is told to."""

    def __init__(self, answer: Callable[[str], VerdictStatus]) -> None:
        self.answer, self.asked = answer, 0

    async def verify(self, reference: str, _: Expected) -> Verdict:
        self.asked += 1
        return Verdict(status=self.answer(reference), reference=reference, message="because")


def releases(answer: Callable[[str], VerdictStatus]) -> Releases:
    return Releases(verifier=cast("Any", Answers(answer)), metrics=Metrics(), policy=Policy(), decryption=NO_KEYS)


def assignment(*units: Unit, rules: dict[str, Any] | None = None) -> Assignment:
    spec = {"artifacts": ARTIFACTS if rules is None else rules}
    fleet = Fleet(name="f", path="f.yaml", line=1, commit=None, spec=spec, clusters={}, apps={}, bundles={})
    return Assignment(cluster=CLUSTER, commit=None, fleet=fleet, units={unit.name: unit for unit in units})


async def decide(made: Releases, *units: Unit) -> dict[str, Release | Held]:
    return {each.unit.name: each async for batch in made.decide(units, CLUSTER, ARTIFACTS) for each in batch}


async def test_only_a_verified_app_is_released() -> None:
    answers = {"v": VerdictStatus.VERIFIED, "r": VerdictStatus.REFUSED, "i": VerdictStatus.INCOMPLETE}
    made = releases(lambda reference: answers[reference.split("/")[-1][0]])
    found = await decide(made, *(app(name, f"ghcr.io/acme/{name}@sha256:{'a' * 64}") for name in answers))
    assert isinstance(found["v"], Release)
    assert isinstance(found["r"], Held)
    assert not found["r"].again
    assert isinstance(found["i"], Held)
    assert found["i"].again
    assert made.next_try() is not None


async def test_what_policy_refuses_is_not_even_fetched() -> None:
    made = releases(lambda _: VerdictStatus.VERIFIED)
    found = await decide(made, app("a", "ghcr.io/acme/app:latest"))
    assert isinstance(found["a"], Held)
    assert "digest is required" in found["a"].reason
    assert cast("Any", made.verifier).asked == 0


async def test_a_withheld_app_says_its_first_error() -> None:
    problem = Problem(path="app.yaml", line=3, code="fleet.type", message="replicas must be a whole number")
    found = await decide(
        releases(lambda _: VerdictStatus.VERIFIED), Withheld(name="a", path="app.yaml", line=1, problems=(problem,))
    )
    assert isinstance(found["a"], Held)
    assert "app.yaml:3" in found["a"].reason


async def test_a_fault_of_ours_in_one_app_leaves_the_others_alone() -> None:
    def answer(reference: str) -> VerdictStatus:
        if "broken" in reference:
            raise TypeError("unexpected")
        return VerdictStatus.VERIFIED

    found = await decide(releases(answer), app("broken", "ghcr.io/acme/broken@sha256:" + "a" * 64), app("good"))
    assert isinstance(found["good"], Release)
    assert isinstance(found["broken"], Held)
    assert found["broken"].again
    assert "TypeError" in found["broken"].reason


async def test_an_unchanged_app_is_not_decided_again() -> None:
    made = releases(lambda _: VerdictStatus.VERIFIED)
    one, two = app("one"), app("two")
    assert len(made.changed(assignment(one, two))) == 2
    await decide(made, one, two)
    assert made.changed(assignment(one, two)) == []
    newer = app("two", "ghcr.io/acme/app@sha256:" + "b" * 64)
    assert made.changed(assignment(one, newer)) == [newer]


async def test_a_refused_version_leaves_the_last_release_known() -> None:
    verdicts = iter([VerdictStatus.VERIFIED, VerdictStatus.REFUSED])
    made = releases(lambda _: next(verdicts))
    first = app("a")
    await decide(made, first)
    await decide(made, app("a", "ghcr.io/acme/app@sha256:" + "b" * 64))
    assert made.released["a"].unit == first
    assert "because" in made.held["a"].reason


async def test_new_rules_for_artifacts_have_every_app_decided_again() -> None:
    made = releases(lambda _: VerdictStatus.VERIFIED)
    one = app("one")
    assert made.changed(assignment(one)) == [one]
    await decide(made, one)
    assert made.changed(assignment(one)) == []
    assert made.changed(assignment(one, rules={"unsigned": "Deny"})) == [one]
    assert made.changed(assignment(one, rules={"unsigned": "Deny"})) == []
