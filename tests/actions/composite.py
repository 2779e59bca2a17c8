"""Runs the steps of a composite action as GitHub's runner does: expressions, environment files, bash with its flags.

Source: docs.github.com, "Metadata syntax for GitHub Actions", "Evaluate expressions", "Workflow commands". Of expressions only what action.yml
uses is known: anything else fails the test, rather than being taken for empty. Steps that use other actions are told, not run.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)
_TOKEN = re.compile(r"\s*(?:(&&|\|\||==|!=|!|\(|\))|'((?:[^']|'')*)'|([A-Za-z_][A-Za-z0-9_.-]*(?:\(\))?))")
_OUTPUT = re.compile(r"^([^\n<=]+)<<([^\n]+)\n(.*?)\n\2\n", re.MULTILINE | re.DOTALL)


@dataclass
class Ran:
    """What a run of the action came to."""

    failed: bool = False
    log: str = ""
    summary: str = ""
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    ran: list[str] = field(default_factory=list)
    environments: dict[str, dict[str, str]] = field(default_factory=dict)


class Composite:
    """An action and the runner's folders. `skip` are names of steps that were run before."""

    def __init__(self, root: Path, temp: Path) -> None:
        self.root, self.temp = root, temp
        self.action = yaml.safe_load((root / "action.yml").read_text(encoding="utf-8"))

    def run(
        self, workspace: Path, inputs: Mapping[str, str], github: Mapping[str, str], environment: Mapping[str, str],
        *, only: tuple[str, ...] = (), skip: tuple[str, ...] = (),
    ) -> Ran:  # fmt: skip
        given = {name: str(each.get("default", "")) for name, each in self.action["inputs"].items()} | dict(inputs)
        contexts: dict[str, Any] = {"github": dict(github), "runner": {"temp": str(self.temp)}, "steps": {}}
        contexts["inputs"] = {name: self._filled(text, contexts, Ran()) for name, text in given.items()}
        assert set(inputs) <= set(self.action["inputs"])
        ran = Ran()
        for number, step in enumerate(self.action["runs"]["steps"]):
            if step["name"] in skip or (only and step["name"] not in only):
                continue
            condition = str(step.get("if", "success()"))
            if not _EXPRESSION.search(condition):
                condition = f"${{{{ {condition} }}}}"
            asks = re.search(r"(always|cancelled|failure|success)\(\)", condition) is not None
            if (ran.failed and not asks) or self._value(_EXPRESSION.search(condition)[1], contexts, ran) in {
                "",
                "false",
            }:  # type: ignore[index]
                continue
            ran.ran.append(step["name"])
            if "uses" in step:
                assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])
                filled = {key: self._filled(str(value), contexts, ran) for key, value in step.get("with", {}).items()}
                ran.used.append((step["uses"], filled))
                continue
            # A script with an expression in it would run whatever a pull request writes there.
            assert step["shell"] == "bash"
            assert "${{" not in step["run"]
            own = {key: self._filled(str(value), contexts, ran) for key, value in step.get("env", {}).items()}
            contexts["steps"][step.get("id", f"step{number}")] = {
                "outputs": self._step(step, own, workspace, environment, ran)
            }
        ran.outputs = {
            name: self._filled(each["value"], contexts, ran) for name, each in self.action["outputs"].items()
        }
        return ran

    def _step(
        self, step: Mapping[str, Any], own: Mapping[str, str], workspace: Path, environment: Mapping[str, str], ran: Ran
    ) -> dict[str, str]:
        outputs, summary, script = (self.temp / name for name in ("output", "summary", "script.sh"))
        outputs.write_text("")
        summary.write_text("")
        script.write_text(step["run"])
        runner = {
            "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_ACTION_PATH": str(self.root), "GITHUB_OUTPUT": str(outputs),
            "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_WORKSPACE": str(workspace), "RUNNER_TEMP": str(self.temp),
        }  # fmt: skip
        kept = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith(("GITHUB_", "GH_", "VIRTUAL_ENV", "PYTHON"))
        }
        answer = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)],
            cwd=workspace, env={**kept, **runner, **environment, **own}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        ran.environments[step["name"]] = {**environment, **own}
        ran.log += answer.stdout + answer.stderr
        ran.summary += summary.read_text(encoding="utf-8")
        ran.failed |= answer.returncode != 0
        text = outputs.read_text(encoding="utf-8")
        found = {name: value for name, _, value in _OUTPUT.findall(text)}
        assert _OUTPUT.sub("", text) == ""  # nothing but whole outputs
        return found

    def _filled(self, text: str, contexts: Mapping[str, Any], ran: Ran) -> str:
        return _EXPRESSION.sub(lambda found: self._value(found[1], contexts, ran), text)

    def _value(self, text: str, contexts: Mapping[str, Any], ran: Ran) -> str:
        tokens: list[tuple[str, str]] = []
        at, text = 0, text.strip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            assert found is not None, f"an expression that is not known here: {text}"
            tokens.append(
                next(
                    (kind, value)
                    for kind, value in zip(("op", "text", "name"), found.groups(), strict=True)
                    if value is not None
                )
            )
            at = found.end()
        value = self._or(tokens, contexts, ran)
        assert not tokens, f"an expression that is not known here: {text}"
        return value

    def _or(self, tokens: list[tuple[str, str]], contexts: Mapping[str, Any], ran: Ran) -> str:
        value = self._and(tokens, contexts, ran)
        while tokens[:1] == [("op", "||")]:
            del tokens[0]
            other = self._and(tokens, contexts, ran)
            value = value if _true(value) else other
        return value

    def _and(self, tokens: list[tuple[str, str]], contexts: Mapping[str, Any], ran: Ran) -> str:
        value = self._equal(tokens, contexts, ran)
        while tokens[:1] == [("op", "&&")]:
            del tokens[0]
            other = self._equal(tokens, contexts, ran)
            value = other if _true(value) else value
        return value

    def _equal(self, tokens: list[tuple[str, str]], contexts: Mapping[str, Any], ran: Ran) -> str:
        value = self._one(tokens, contexts, ran)
        if tokens[:1] in ([("op", "==")], [("op", "!=")]):
            same = tokens.pop(0)[1] == "=="
            # GitHub compares texts without regard to case.
            return _text((value.lower() == self._one(tokens, contexts, ran).lower()) is same)
        return value

    def _one(self, tokens: list[tuple[str, str]], contexts: Mapping[str, Any], ran: Ran) -> str:
        kind, token = tokens.pop(0)
        if (kind, token) == ("op", "!"):
            return _text(not _true(self._one(tokens, contexts, ran)))
        if (kind, token) == ("op", "("):
            value = self._or(tokens, contexts, ran)
            assert tokens.pop(0) == ("op", ")")
            return value
        if kind == "text":
            return token.replace("''", "'")
        known = {"always()": True, "cancelled()": False, "success()": not ran.failed, "failure()": ran.failed}
        if token in known:
            return _text(known[token])
        value: Any = contexts
        for part in token.split("."):
            value = value.get(part, "") if isinstance(value, dict) else ""
        return str(value)


def _true(value: str) -> bool:
    return value not in {"", "false", "0"}


def _text(value: bool) -> str:
    return "true" if value else "false"
