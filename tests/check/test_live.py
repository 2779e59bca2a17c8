"""What clusters say of themselves, beside what a report assumes of them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.check.change_findings import findings
from reconciler.check.change_markdown import change_markdown
from reconciler.check.change_report import ChangeReport
from reconciler.check.change_text import change_text, summary
from reconciler.check.github import github
from reconciler.check.live import Live, LiveCluster, Position, live_cluster
from reconciler.git.ancestry import Distance
from tests.check.changes import CHANGES
from tests.check.conftest import reported
from tests.check.test_golden_reports import SCHEMA, expected
from tests.check.test_hostile_reports import NASTY, of, outside_code

BASE, OTHER = "b" * 40, "c" * 40


def fleetsync(
    commit: str = BASE, *, ready: tuple[str, str, str] = ("True", "Synced", "fine"), **status: Any
) -> dict[str, Any]:
    condition = dict(zip(("status", "reason", "message"), ready, strict=True))
    return {
        "metadata": {"namespace": "spinfleet-system", "name": "fleet", "generation": 2},
        "spec": {"cluster": "eu-1"},
        "status": {
            "observedGeneration": 2,
            "commit": {"applied": commit},
            "conditions": [{"type": "Ready", **condition}],
            **status,
        },
    }  # fmt: skip


def judged(live: dict[str, Any], distance: Distance | None = None, *, cluster: str = "eu-1") -> LiveCluster:
    return live_cluster(cluster, live, BASE, distance)


@pytest.mark.parametrize(
    ("commit", "distance", "position", "commits"),
    [
        (BASE, None, Position.AT_BASE, 0),
        (OTHER, Distance(ahead=0, behind=3), Position.BEHIND, 3),
        (OTHER, Distance(ahead=0, behind=None), Position.BEHIND, None),
        (OTHER, Distance(ahead=2, behind=0), Position.AHEAD, 0),
        (OTHER, Distance(ahead=2, behind=1), Position.APART, 1),
        (OTHER, None, Position.UNKNOWN, None),
        ("", None, Position.NONE, None),
    ],
)
def test_a_commit_stands_somewhere_to_base(
    commit: str, distance: Distance | None, position: Position, commits: int | None
) -> None:
    found = judged(fleetsync(commit), distance)
    assert (found.position, found.commits) == (position, commits)
    assert bool(found.contrary) == (position is not Position.AT_BASE)


def test_a_cluster_at_base_that_is_ready_speaks_for_the_assumption() -> None:
    found = judged(fleetsync())
    assert found.contrary == ()
    assert found.words() == (f"at base, {BASE[:12]}", "Ready True Synced")


@pytest.mark.parametrize(
    ("live", "told"),
    [
        (fleetsync() | {"spec": {"suspend": True}}, "suspended"),
        (fleetsync(ready=("Unknown", "Suspended", "by Git")), "suspended"),
        (fleetsync(counts={"drifted": 1}), "1 object drifted"),
        (fleetsync(observedGeneration=1), "its status is older than its FleetSync's spec"),
        ({"metadata": {"namespace": "a", "name": "b"}, "spec": {}}, "no commit applied yet"),
    ],
)
def test_what_speaks_against_the_assumption_is_told(live: dict[str, Any], told: str) -> None:
    found = judged(live)
    assert found.contrary == (told,)
    assert told in found.words()


def test_a_status_that_nobody_wrote_is_not_ready() -> None:
    found = judged({"metadata": {"namespace": "a", "name": "b"}, "spec": {}})
    assert (found.ready, found.reason) == ("Unknown", "NoStatus")


def _live(*, required: bool = False) -> Live:
    held = {"reason": "too many", "guarded": True, "count": 24}
    behind = fleetsync(
        OTHER, ready=("False", "PruneHeld", "too many: see spinfleet approve prune"),
        waiting=[held, {"reason": "a volume", "guarded": False, "count": 1}],
        counts={"drifted": 2, "problems": 4, "failedObjects": 0},
    )  # fmt: skip
    clusters = (
        judged(fleetsync()),
        judged(behind, Distance(ahead=0, behind=3), cluster="eu-2"),
        LiveCluster(cluster="staging", unread="it did not answer in time"),
    )
    return Live(clusters=clusters, not_asked=1, required=required)


def test_a_report_tells_what_clusters_said() -> None:
    report = replace(reported(CHANGES["replicas"]), live=_live())
    text = click.unstyle("".join(f"{line}\n" for line in (*change_text(report), summary(report))))
    assert text == expected("live.txt", text)
    text = change_markdown(report, "fleet/")
    assert text == expected("live.md", text)
    assert list(SCHEMA.iter_errors(json.loads(json.dumps(report.to_json())))) == []


def test_what_clusters_said_fails_a_report_only_where_that_is_asked_for() -> None:
    report = replace(reported(CHANGES["replicas"]), live=_live())
    assert report.result == "changed"
    assert findings(report).valid
    required = replace(report, live=_live(required=True))
    assert required.result == "error"
    told = [each.message for each in findings(required).problems if each.code == "check.live"]
    assert [each.split(":")[0] for each in told] == ["cluster eu-2", "cluster staging"]
    fine = replace(report, live=Live(clusters=(judged(fleetsync()),), required=True))
    assert fine.result == "changed"


JSON = st.recursive(st.none() | st.booleans() | st.integers() | NASTY, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
    st.sampled_from(["applied", "drifted", "type", "status", "reason", "message", "count", "guarded"]), inner, max_size=3), max_leaves=6)  # fmt: skip
STATUS = st.dictionaries(st.sampled_from(["commit", "conditions", "counts", "waiting", "observedGeneration"]), JSON)


@given(NASTY, STATUS)
def test_whatever_a_status_holds_it_stays_text(text: str, status: dict[str, Any]) -> None:
    nasty = fleetsync(text, ready=("False", text, text)) | {"metadata": {"namespace": text, "name": text}}
    live = Live(
        clusters=(
            judged(nasty, cluster=text),
            judged({"metadata": None, "spec": 1, "status": status}),
            LiveCluster(cluster=text, unread=text),
        ),
        required=True,
    )
    report: ChangeReport = replace(of(text), live=live)
    page = outside_code(change_markdown(report, "fleet/"))
    assert "@" not in page
    assert "javascript" not in page
    assert re.findall(r"<!--.*?-->", page) == ["<!-- spinfleet-check fleet -->"]
    for line in change_text(report):
        assert all(each.isprintable() for each in re.sub(r"\x1b\[\d+(;\d+)*m", "", line))
    for line in github(findings(report)):
        assert not set(line) & {"\n", "\r"}
    json.dumps(report.to_json())
