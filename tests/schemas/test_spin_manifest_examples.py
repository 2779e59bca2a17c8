"""Every rule of spin.toml has an example that keeps it and one that breaks it: valid/ and invalid/ under spin-v1 and spin-v2.

The first line of an invalid example says what must be reported: `# expect: CODE [LINE]`, CODE may be the beginning of one.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.manifest import parse
from reconciler.problems import Severity

_HERE = Path(__file__).parent
_VALID = sorted(_HERE.glob("spin-v*/valid/*.toml"))
_INVALID = sorted(_HERE.glob("spin-v*/invalid/*.toml"))


def _name(path: Path) -> str:
    return f"{path.parts[-3]}-{path.stem}"


@pytest.mark.parametrize("path", _VALID, ids=_name)
def test_a_valid_example_gives_an_application_and_no_error(path: Path) -> None:
    parsed = parse(path.read_bytes(), path.name)
    assert [problem for problem in parsed.problems if problem.severity is Severity.ERROR] == []
    assert parsed.application is not None


@pytest.mark.parametrize("path", _INVALID, ids=_name)
def test_an_invalid_example_is_refused_with_its_code_and_place_and_nothing_else(path: Path) -> None:
    data = path.read_bytes()
    code, _, line = data.decode().partition("\n")[0].removeprefix("# expect: ").partition(" ")
    parsed = parse(data, path.name)
    assert parsed.application is None
    errors = [problem for problem in parsed.problems if problem.severity is Severity.ERROR]
    assert {problem.code for problem in errors if not problem.code.startswith(code)} == set()
    assert errors
    assert all(problem.line and problem.column for problem in errors)
    if line:
        assert errors[0].line == int(line)
