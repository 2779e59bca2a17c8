from __future__ import annotations

import pytest

from reconciler.manifest import Application, parse
from reconciler.manifest.target import check_target

_HEAD = 'spin_manifest_version = 2\n[application]\nname = "shop"\n'


def _application(text: str) -> Application:
    parsed = parse((_HEAD + text).encode(), "spin.toml")
    assert parsed.application is not None, parsed.problems
    return parsed.application


def _codes(application: Application, **options: object) -> list[tuple[str, int | None]]:
    found = check_target(application, **{"spin": "3.6", **options})  # type: ignore[arg-type]  # options by name
    return [(problem.code, problem.line) for problem in found]


_TWO = (
    '[[trigger.http]]\nroute = "/a"\ncomponent = "a"\n'
    '[[trigger.http]]\nroute = "/b"\ncomponent = "b"\n'
    '[component.a]\nsource = "a"\nallowed_outbound_hosts = ["{host}"]\n'
    '[component.b]\nsource = "b"\n'
)


@pytest.mark.parametrize("kind", ["http", "redis", "sqs", "mqtt", "command"])
def test_the_trigger_types_of_the_shim_are_accepted(kind: str) -> None:
    fields = {"http": 'route = "/"', "redis": 'channel = "c"'}.get(kind, "")
    application = _application(f'[[trigger.{kind}]]\n{fields}\ncomponent = "a"\n[component.a]\nsource = "a"\n')
    assert _codes(application) == []


@pytest.mark.parametrize("kind", ["cron", "timer", "websocket"])
def test_any_other_trigger_type_is_refused_at_its_line(kind: str) -> None:
    application = _application(f'[[trigger.{kind}]]\ncomponent = "a"\n[component.a]\nsource = "a"\n')
    assert _codes(application) == [("target.trigger", 4)]


def test_a_trigger_of_a_component_that_is_not_selected_does_not_count() -> None:
    application = _application(
        '[[trigger.cron]]\ncomponent = "a"\n[[trigger.http]]\nroute = "/"\ncomponent = "b"\n'
        '[component.a]\nsource = "a"\n[component.b]\nsource = "b"\n'
    )
    assert _codes(application, components=["b"]) == []


def test_a_selected_component_may_not_chain_to_one_that_is_not_selected() -> None:
    application = _application(_TWO.replace("{host}", "http://b.spin.internal"))
    assert _codes(application, components=["a"]) == [("target.chaining", 10)]
    assert _codes(application, components=["a", "b"]) == []
    assert _codes(application) == []


def test_chaining_to_any_component_is_refused_wherever_components_are_selected() -> None:
    application = _application(_TWO.replace("{host}", "http://*.spin.internal"))
    assert _codes(application, components=["a", "b"]) == [("target.chaining", 10)]
    assert _codes(application) == []


def test_a_selected_component_must_be_there_and_have_a_trigger() -> None:
    application = _application(
        '[[trigger.http]]\nroute = "/"\ncomponent = "a"\n[component.a]\nsource = "a"\n[component.b]\nsource = "b"\n'
    )
    assert _codes(application, components=["a", "c"]) == [("target.component", None)]
    assert _codes(application, components=["a", "b"]) == [("target.component", 9)]


@pytest.mark.parametrize(("spin", "refused"), [("3.4.0", True), ("3.5", False), ("v3.6.3", False), (None, False)])
def test_a_static_response_needs_spin_3_5(spin: str | None, refused: bool) -> None:
    application = _application('[[trigger.http]]\nroute = "/"\nstatic_response = { body = "hi" }\n')
    assert _codes(application, spin=spin) == ([("target.spin", 4)] if refused else [])


@pytest.mark.parametrize(("spin", "refused"), [("3.4", True), ("3.5", False), ("3.6", False), ("4.0.2", True)])
def test_the_draft_executor_is_in_two_releases_only(spin: str, refused: bool) -> None:
    application = _application(
        '[[trigger.http]]\nroute = "/"\ncomponent = "a"\nexecutor = { type = "wasip3-unstable" }\n[component.a]\nsource = "a"\n'
    )
    assert _codes(application, spin=spin) == ([("target.spin", 4)] if refused else [])
