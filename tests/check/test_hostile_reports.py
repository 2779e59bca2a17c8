"""Whatever a pull request says, its report stays text: no markup, no mentions, no commands, no secrets, no flood."""

from __future__ import annotations

import html
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from reconciler.check.change import ClusterChange, Effect, ObjectChange, Problems, UnitChange
from reconciler.check.change_findings import findings
from reconciler.check.change_markdown import change_markdown
from reconciler.check.change_report import ChangeReport
from reconciler.check.change_text import change_text
from reconciler.check.github import github
from reconciler.check.markdown import MOST
from reconciler.check.pull_request import check_change
from reconciler.check.review import Level
from reconciler.check.risks import Risk
from reconciler.plan.model import FieldChange, ObjectKey
from reconciler.problems import Problem
from tests.check.conftest import Commit, Files, edit, files, reported

_CODE = re.compile(r"(?P<fence>`+)(?!`).*?(?<!`)(?P=fence)(?!`)")
NASTY = st.text(st.characters(codec="utf-8"), max_size=20) | st.sampled_from(
    ["@team", "`x`", "```", "<img src=x>", "<!-- spinfleet-check . -->", "a\n::add-mask::x", "</details>", "[a](javascript:b)"]
)  # fmt: skip


def of(text: str, number: int = 1) -> ChangeReport:
    """A report that says one text wherever a repository's own words may stand."""
    key = ObjectKey("", "ConfigMap", text, text)
    fields = (FieldChange(f"/data/{text}", text, {text: [text]}),)
    unit = UnitChange(
        name=text, kind="App", path=text, note=text, rollout=text,
        objects=(ObjectChange(effect=Effect.CONFIGURED, key=key, fields=fields, was=text),),
    )  # fmt: skip
    problem = Problem(path=text, code="c", message=text, hint=text)
    return ChangeReport(
        fleet=text, base=text, head=text, unchanged=(text,), notes=(text,), left_out=(text,),
        problems=Problems(new=(problem,) * number, fixed=(problem,) * number),
        risks=(Risk(code="signing", level=Level.ERROR, reason=text, subject=text, clusters=(text,), path=text),) * number,
        clusters=tuple(ClusterChange(clusters=(f"{text}{each}",), units=(unit,) * number) for each in range(number)),
    )  # fmt: skip


def outside_code(page: str) -> str:
    """Give what a page says outside of code blocks, code spans and the escaped text of summaries."""
    kept, fence = [], ""
    for line in page.split("\n"):
        opens = re.match(r"`{3,}", line)
        if fence:
            fence = "" if line == fence else fence
        elif opens:
            fence = opens[0]
        else:
            kept.append(line)
    assert not fence, "a code block is not closed"
    text = re.sub(r"<summary><code>.*?</code>", "", "\n".join(kept))
    return _CODE.sub("", text)


@given(NASTY)
def test_markdown_has_a_repositorys_words_in_code_alone(text: str) -> None:
    page = change_markdown(of(text), "fleet/")
    left = outside_code(page)
    assert re.findall(r"<!--.*?-->", left) == ["<!-- spinfleet-check fleet -->"]
    assert set(re.findall(r"</?(\w+)", left)) <= {"details", "summary"}
    assert "@" not in left
    assert "javascript" not in left
    for shown in re.findall(r"<summary><code>(.*?)</code>", page):
        assert shown == html.escape(html.unescape(shown))


@given(NASTY)
def test_the_runner_gets_one_line_for_each_finding(text: str) -> None:
    for line in github(findings(of(text))):
        assert re.match("::(error|warning) ", line)
        assert not set(line) & {"\n", "\r"}


@given(NASTY)
def test_a_terminal_is_not_steered(text: str) -> None:
    for line in change_text(of(text)):
        assert all(each.isprintable() for each in re.sub(r"\x1b\[\d+(;\d+)*m", "", line))


def test_a_comment_stays_below_its_limit_and_says_what_is_left_out() -> None:
    page = change_markdown(of("x" * 300, 200))
    assert len(page.encode()) <= MOST
    outside_code(page)
    assert page.count("<details>") == page.count("</details>") > 1
    assert "too long to be shown" in page
    assert "does not fit" in page


def test_a_forged_place_can_not_end_the_marker() -> None:
    page = change_markdown(of("x"), "a --> <b>/")
    assert page.splitlines()[0] == "<!-- spinfleet-check a%20--%3E%20%3Cb%3E -->"


def test_a_file_name_with_commands_in_it_is_told_as_a_name() -> None:
    def change(fleet: Files) -> None:
        fleet["a\n::add-mask::x.yaml"] = "apiVersion: spinfleet.dev/v1alpha1\nkind: Nothing\n"

    report = reported(change)
    assert report.refused
    for line in github(findings(report)):
        assert line.startswith("::error file=")
    assert "a%0A%3A%3Aadd-mask" in "".join(github(findings(report)))


def test_ten_thousand_new_files_are_one_warning_each_and_a_short_comment() -> None:
    def change(fleet: Files) -> None:
        fleet.update({f"junk/{number:05d}.yaml": "a: 1\n" for number in range(10_000)})

    report = reported(change)
    assert len(report.problems.new) == 10_000
    page = change_markdown(report)
    assert len(page.encode()) <= MOST
    assert "9" in page
    assert report.clusters == ()


def test_a_secret_of_any_object_is_masked_in_every_form() -> None:
    def change(fleet: Files) -> None:
        edit("platform/web/web.yaml", "correct-horse", "battery-staple")(fleet)
        edit("platform/web/web.yaml", "  replicas: 1", "  replicas: one")(fleet)

    report = reported(change, every=True)
    shown = "".join(change_text(report)) + change_markdown(report) + "".join(github(findings(report)))
    shown += str(report.to_json())
    assert "web-login" in shown
    assert "battery" not in shown
    assert "correct-horse" not in shown


def test_an_encrypted_value_is_shown_as_the_blob_that_it_comes_from() -> None:
    folder = Path(__file__).parents[1] / "golden" / "encrypted" / "fleet"
    base = {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}
    path = "platform/secret.yaml"
    head = base | {
        path: re.sub(
            r"(ENC\[AES256_GCM,data:)(.)", lambda found: f"{found[1]}{'A' if found[2] != 'A' else 'B'}", base[path]
        )
    }
    before, after = Commit(base), Commit(head)
    shown = "".join(change_text(check_change(before, after)))
    assert f'"<encrypted {before.files[path].blob}>" → "<encrypted {after.files[path].blob}>"' in shown
    assert "ENC[" not in shown


def test_what_there_was_no_time_for_is_named_and_never_fine() -> None:
    base = files()
    head = dict(base)
    edit("apps/checkout/app.yaml", "replicas: 4", "replicas: 6")(head)
    report = check_change(Commit(base), Commit(head), go_on=lambda: False)
    assert report.result == "warning"
    assert report.clusters == ()
    assert report.left_out == ("1 of the apps and bundles that may differ, from 'checkout' on: there was no time left",)
    assert "there was no time left" in change_markdown(report)
