"""Which version of an app may run: valid, rendered and verified; nothing an app does stops the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from reconciler.agent.decryption import Decryption
from reconciler.agent.fleetsync import Policy
from reconciler.agent.metrics import AgentMetrics
from reconciler.agent.releases import Circumstances, Decision, Releases, digest_of
from reconciler.artifact.model import Expected, Verdict, VerdictStatus
from reconciler.fleet.model import AppAssignment, Assignment, Cluster, Fleet, Unit, Withheld
from reconciler.manifest import parse
from reconciler.problems import Problem
from reconciler.rollout import Move, Newest, Record, Released

NO_KEYS = Decryption(connection=cast("Any", None), namespace="", secret="")
CLUSTER = Cluster(name="eu", path="c.yaml", line=1)
ARTIFACTS = {"unsigned": "Allow"}
MANIFEST = b'spin_manifest_version = 2\n[application]\nname = "a"\n[[trigger.http]]\nroute = "/..."\ncomponent = "m"\n[component.m]\nsource = "m.wasm"\n'
DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def app(name: str, artifact: str = f"ghcr.io/acme/app@{DIGEST}", version: str = "1", **spec: Any) -> AppAssignment:
    application = parse(MANIFEST, "spin.toml").application
    assert application is not None
    return AppAssignment(
        name=name,
        path="app.yaml",
        line=1,
        namespace="shop",
        spec={"artifact": artifact, "executor": "containerd-shim-spin", "replicas": 1, **spec},
        origins={},
        application=application,
        manifest_path="spin.toml",
        version=version * 64,
    )


def withheld(name: str) -> Withheld:
    problem = Problem(path="app.yaml", line=3, code="fleet.type", message="replicas must be a whole number")
    return Withheld(name=name, path="app.yaml", line=1, problems=(problem,))


def record(name: str, version: str = "0") -> Record:
    return Record(app=name, last=Released(version=version * 64, commit="c" * 40, digest=DIGEST))


class Answers:
    """A verifier that says what it is told to."""

    def __init__(self, answer: Callable[[str], VerdictStatus]) -> None:
        self.answer, self.asked = answer, 0

    async def verify(self, reference: str, _: Expected) -> Verdict:
        self.asked += 1
        return Verdict(status=self.answer(reference), reference=reference, message="because")


def always(status: VerdictStatus = VerdictStatus.VERIFIED) -> Callable[[str], VerdictStatus]:
    return lambda _: status


def by_digest(reference: str) -> VerdictStatus:
    """Refuse the other digest, and verify the first."""
    return VerdictStatus.REFUSED if OTHER in reference else VerdictStatus.VERIFIED


def releases(answer: Callable[[str], VerdictStatus], **policy: Any) -> Releases:
    return Releases(
        verifier=cast("Any", Answers(answer)),
        metrics=AgentMetrics().of("tenant/fleet"),
        policy=Policy(**policy),
        decryption=NO_KEYS,
    )


def assignment(*units: Unit) -> Assignment:
    fleet = Fleet(
        name="f", path="f.yaml", line=1, commit=None, spec={"artifacts": ARTIFACTS}, clusters={}, apps={}, bundles={}
    )
    return Assignment(cluster=CLUSTER, commit="d" * 40, fleet=fleet, units={unit.name: unit for unit in units})


async def decide(
    made: Releases,
    *units: Unit,
    records: Mapping[str, Record] | None = None,
    earlier: Mapping[str, Unit] | None = None,
    not_ready: Mapping[str, str] | None = None,
    suspended: frozenset[str] = frozenset(),
) -> dict[str, Decision]:
    async def unit_of(name: str, _: Released) -> tuple[Unit, Any] | None:
        return (earlier[name], None) if earlier and name in earlier else None

    now = Circumstances(
        assignment=assignment(*units),
        record_of=(records or {}).get,
        earlier=unit_of,
        not_ready=lambda name: (not_ready or {}).get(name, ""),
        suspended=suspended,
    )
    return {each.name: each async for batch in made.decide(units, now) for each in batch}


async def one(made: Releases, unit: Unit, **circumstances: Any) -> Decision:
    return (await decide(made, unit, **circumstances))[unit.name]


async def test_only_a_verified_app_is_released() -> None:
    answers = {"v": VerdictStatus.VERIFIED, "r": VerdictStatus.REFUSED, "i": VerdictStatus.INCOMPLETE}
    made = releases(lambda reference: answers[reference.split("/")[-1][0]])
    found = await decide(made, *(app(name, f"ghcr.io/acme/{name}@{DIGEST}") for name in answers))
    assert {name: each.move for name, each in found.items()} == {
        "v": Move.ADVANCE,
        "r": Move.WAIT,
        "i": Move.WAIT,
    }
    assert {name: each.release is not None for name, each in found.items()} == {"v": True, "r": False, "i": False}
    assert not made.held["r"].again
    assert made.held["i"].again
    assert made.next_try() is not None


async def test_a_release_says_its_version_commit_and_digest() -> None:
    release = (await one(releases(always()), app("a"))).release
    assert release is not None
    assert (release.unit.version, release.commit, digest_of(release)) == ("1" * 64, "d" * 40, DIGEST)


async def test_what_policy_refuses_is_not_even_fetched() -> None:
    made = releases(always())
    found = await one(made, app("a", "ghcr.io/acme/app:latest"))
    assert found.held is not None
    assert found.held.state is Newest.DENIED
    assert "digest is required" in found.held.reason
    assert cast("Any", made.verifier).asked == 0


async def test_a_withheld_app_says_its_first_error() -> None:
    found = await one(releases(always()), withheld("a"))
    assert found.held is not None
    assert "app.yaml:3" in found.held.reason


async def test_a_fault_of_ours_in_one_app_leaves_the_others_alone() -> None:
    def answer(reference: str) -> VerdictStatus:
        if "broken" in reference:
            raise TypeError("unexpected")
        return VerdictStatus.VERIFIED

    found = await decide(releases(answer), app("broken", f"ghcr.io/acme/broken@{DIGEST}"), app("good"))
    assert found["good"].move is Move.ADVANCE
    broken = found["broken"]
    assert broken.held is not None
    assert broken.held.again
    assert "TypeError" in broken.held.reason


async def test_a_refused_version_leaves_the_last_release_rendered_from_its_own_commit() -> None:
    old = app("a", version="0", replicas=7)
    found = await one(
        releases(by_digest), app("a", f"ghcr.io/acme/app@{OTHER}"), records={"a": record("a")}, earlier={"a": old}
    )
    assert found.move is Move.KEEP
    assert found.release is not None
    assert found.release.unit is old
    assert found.release.commit == "c" * 40
    assert found.held is not None
    assert found.held.state is Newest.REFUSED


async def test_an_invalid_version_leaves_the_last_release() -> None:
    found = await one(releases(always()), withheld("a"), records={"a": record("a")}, earlier={"a": app("a")})
    assert found.move is Move.KEEP


async def test_a_release_that_runs_goes_on_where_its_artifact_can_not_be_looked_at_again() -> None:
    for status in (VerdictStatus.INCOMPLETE, VerdictStatus.REFUSED):
        found = await one(releases(always(status)), app("a"), records={"a": record("a", "1")})
        assert found.move is Move.STAY
        assert found.release is not None
        assert found.held is not None


async def test_a_release_that_runs_is_left_alone_once_policy_refuses_it() -> None:
    made = releases(always(), unsigned="Deny")
    found = await one(made, app("a"), records={"a": record("a", "1")})
    assert (found.move, found.release) == (Move.LEAVE, None)
    found = await one(made, withheld("a"), records={"a": record("a")}, earlier={"a": app("a")})
    assert (found.move, found.release) == (Move.LEAVE, None)
    assert found.held is not None
    assert "RunningUnverified" in found.held.reason


async def test_a_last_release_that_can_not_be_had_is_left_alone_and_tried_again() -> None:
    found = await one(releases(always()), withheld("a"), records={"a": record("a")})
    assert found.move is Move.LEAVE
    assert found.held is not None
    assert found.held.again
    assert "cccccccccccc" in found.held.reason


async def test_a_dependency_delays_a_first_install_and_a_new_release_and_no_healing() -> None:
    waiting = {"not_ready": {"db": "progressing"}}
    unit = app("a", dependsOn=["db"])
    made = releases(always())
    first = await one(made, unit, **waiting)
    assert first.move is Move.WAIT
    assert first.held is not None
    assert first.held.waits_for == ("db",)
    assert "db (progressing)" in first.held.reason
    assert made.waiting_for("db") == {"a"}
    new = await one(made, unit, records={"a": record("a")}, earlier={"a": app("a", replicas=5)}, **waiting)
    assert new.move is Move.KEEP
    healed = await one(made, unit, records={"a": record("a", "1")}, **waiting)
    assert (healed.move, healed.held) == (Move.STAY, None)
    assert made.waiting_for("db") == frozenset()
    assert (await one(made, unit)).move is Move.ADVANCE


async def test_a_version_whose_objects_are_those_of_the_last_release_waits_for_nothing() -> None:
    old = app("a", version="0")
    found = await one(
        releases(always()), app("a", dependsOn=["db"]), records={"a": record("a")}, earlier={"a": old},
        not_ready={"db": "progressing"},
    )  # fmt: skip
    assert found.move is Move.ADVANCE


async def test_a_suspended_app_is_left_alone_even_where_it_could_be_released() -> None:
    by_hand = await one(releases(always()), app("a"), suspended=frozenset({"a"}), records={"a": record("a", "1")})
    in_git = await one(releases(always()), app("a", suspend=True), records={"a": record("a")})
    assert (by_hand.move, in_git.move) == (Move.LEAVE, Move.LEAVE)
    assert in_git.held is not None
    assert "Git" in in_git.held.reason


async def test_only_touched_and_due_apps_are_decided() -> None:
    made = releases(always())
    both = assignment(app("one"), app("two"))
    assert made.take_due(both) == []
    made.touch(["two", "gone"])
    assert [unit.name for unit in made.take_due(both)] == ["two"]
    await decide(made, both.units["two"])
    assert made.take_due(both) == []
    incomplete = releases(always(VerdictStatus.INCOMPLETE))
    await decide(incomplete, both.units["one"])
    incomplete._due = dict.fromkeys(incomplete._due, 0.0)
    assert [unit.name for unit in incomplete.take_due(both)] == ["one"]


async def test_what_is_decided_counts_as_unsettled_until_it_is_wanted() -> None:
    made = releases(always())
    await decide(made, replace(app("a"), name="a"))
    assert made.unsettled == {"a"}
    made.settle(["a"])
    assert made.unsettled == set()
