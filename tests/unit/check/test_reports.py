"""Reports in the forms that code hosts read: whatever a repository says, it stays text."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from reconciler.check.github import github
from reconciler.check.markdown import MOST, code, markdown
from reconciler.check.report import Report
from reconciler.check.sarif import sarif
from reconciler.check.text import text
from reconciler.problems import Problem, Severity

ERROR = Problem(
    path="apps/a b/app.yaml", line=3, column=5, pointer="/spec/replcas", code="fleet.unknown-field",
    message="unknown field 'replcas'", hint="did you mean 'replicas'?",
)  # fmt: skip
WARNING = Problem(path="a.yaml", code="fleet.unused-file", message="nothing reads it", severity=Severity.WARNING)
REPORT = Report(subject="fleet acme", problems=(WARNING, ERROR))


def test_sarif_names_rule_place_and_level():
    log = sarif(REPORT, "fleet/")
    run = log["runs"][0]
    assert log["version"] == "2.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["fleet.unknown-field", "fleet.unused-file"]
    first, second = run["results"]
    assert (first["ruleId"], first["ruleIndex"], first["level"]) == ("fleet.unknown-field", 0, "error")
    assert first["message"]["text"] == "unknown field 'replcas'\ndid you mean 'replicas'?"
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "fleet/apps/a%20b/app.yaml"
    assert place["region"] == {"startLine": 3, "startColumn": 5}
    assert second["level"] == "warning"
    assert "region" not in second["locations"][0]["physicalLocation"]


def test_a_finding_keeps_its_fingerprint_when_lines_move():
    moved = Problem(**{**{name: getattr(ERROR, name) for name in Problem.__slots__}, "line": 30})
    prints = [
        sarif(Report(subject="", problems=(each,)))["runs"][0]["results"][0]["partialFingerprints"]
        for each in (ERROR, moved)
    ]
    assert prints[0] == prints[1]


def test_sarif_keeps_errors_where_there_are_too_many_results():
    many = tuple(Problem(path="a", code="c", message=str(n), severity=Severity.WARNING) for n in range(25_000))
    run = sarif(Report(subject="", problems=(*many, ERROR)))["runs"][0]
    assert len(run["results"]) == 25_000
    assert run["results"][0]["level"] == "error"
    assert "1 more" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_annotations_have_errors_first():
    assert list(github(REPORT, "fleet/")) == [
        "::error file=fleet/apps/a b/app.yaml,line=3,col=5,title=fleet.unknown-field::unknown field 'replcas'%0Adid you mean 'replicas'?",
        "::warning file=fleet/a.yaml,title=fleet.unused-file::nothing reads it",
    ]


def test_a_file_name_can_not_give_the_runner_a_command():
    hostile = Problem(path="a\n::add-mask::x,y:z%.toml", line=1, code="c", message="m\r\n::stop-commands::t")
    (line,) = github(Report(subject="", problems=(hostile,)))
    assert line == "::error file=a%0A%3A%3Aadd-mask%3A%3Ax%2Cy%3Az%25.toml,line=1,title=c::m%0D%0A::stop-commands::t"


@given(st.text(), st.text(), st.text())
def test_each_problem_is_one_line_for_the_runner(path, message, hint):
    lines = list(github(Report(subject="", problems=(Problem(path=path, code="c", message=message, hint=hint),))))
    assert len(lines) == 1
    assert not set(lines[0]) & {"\n", "\r"}


def test_markdown_is_a_table_with_errors_first():
    lines = markdown(REPORT).splitlines()
    assert lines[0] == "### ❌ `fleet acme: 1 error, 1 warning`"
    assert lines[4] == (
        "| error | `apps/a b/app.yaml:3:5` | `unknown field 'replcas'` `fleet.unknown-field` | `did you mean 'replicas'?` |"
    )
    assert lines[5].startswith("| warning | `a.yaml` |")


def test_markup_and_mentions_stay_code():
    assert code("@team `x` <img src=a>") == "``@team `x` <img src=a>``"
    assert code("`") == "`` ` ``"
    assert code("a|b") == "`a\\|b`"


@given(st.text(alphabet="`ab |\n\\@<", max_size=30))
def test_a_code_span_ends_where_it_should(value):
    span = code(value)
    if not span:
        return
    fence = re.match("`+", span)[0]
    inner = span[len(fence) : -len(fence)]
    assert span.endswith(fence)
    assert fence not in re.findall("`+", inner)
    assert "\n" not in span
    assert not re.search(r"(?<!\\)\|", inner)


def test_what_does_not_fit_is_counted():
    many = tuple(Problem(path=f"a{n}.yaml", code="c", message="x" * 400) for n in range(1000))
    page = markdown(Report(subject="fleet", problems=many))
    assert len(page.encode()) <= MOST
    shown = page.count("| error |")
    assert f"… and {1000 - shown} more." in page


def plain(problem, source):
    return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in text([problem], lambda _: source)]


def test_the_line_is_shown_and_the_place_marked():
    found = plain(ERROR, b"a\nb\n    replcas: 3\n")
    assert found == [
        "error[fleet.unknown-field]: unknown field 'replcas'",
        "  --> apps/a b/app.yaml:3:5",
        "   |",
        " 3 |     replcas: 3",
        "   |     ^^^^^^^",
        "  hint: did you mean 'replicas'?",
        "",
    ]


def test_of_a_very_long_line_the_part_around_the_place_is_shown():
    problem = Problem(path="a", line=1, column=901, code="c", message="m")
    found = plain(problem, b"x" * 899 + b" wrong: 1" + b"y" * 900)
    assert "wrong: 1" in found[3]
    assert len(found[3]) < 200
    assert found[4].index("^^^^^") == found[3].index("wrong")


def test_a_place_behind_tabs_and_control_characters_is_marked_where_it_is_shown():
    problem = Problem(path="a", line=1, column=4, code="c", message="m")
    found = plain(problem, b"\t\x07 bad: 1\n")
    assert found[4].index("^^^") == found[3].index("bad")


def test_other_line_breaks_of_unicode_do_not_move_the_line():
    problem = Problem(path="a", line=2, column=1, code="c", message="m")
    assert plain(problem, "a\u2028b\x0cc\r\nhere: 1\r\n".encode())[3] == " 2 | here: 1"


def test_a_place_behind_wide_characters_is_marked_where_a_terminal_shows_it_and_cut_ends_are_shown():
    line = 'a = "日本é", wrong = "' + "x" * 300 + '"'
    problem = Problem(path="a", line=1, column=line.index("wrong") + 1, code="c", message="m")
    found = plain(problem, line.encode())
    assert found[3].endswith("x…")
    # Each of the two ideographs takes two columns.
    assert found[4] == "   | " + " " * (line.index("wrong") + 2) + "^" * len("wrong")
