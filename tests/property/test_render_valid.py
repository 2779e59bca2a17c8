"""Whatever valid App is rendered: the same bytes each time, each object once, and nothing that SpinKube's webhooks refuse."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from reconciler.cli.schema import bundled
from reconciler.fleet.model import AppAssignment
from reconciler.plan.model import key_of
from reconciler.plan.order import rank
from reconciler.problems import has_errors
from tests.random_fleets import CLUSTERS, FLEETS, WHOLE, rendered, text_of
from tests.rendering_page import become_nothing
from tests.webhooks import executors_of, refusals


def _bytes(result: Any) -> bytes:
    return text_of(
        [[name, each.objects, [str(problem) for problem in each.problems]] for name, each in result.items()]
    ).encode()


@settings(max_examples=60, deadline=None)
@given(FLEETS)
def test_the_same_fleet_gives_the_same_bytes(specs: list[Any]) -> None:
    assert _bytes(rendered(specs)[1]) == _bytes(rendered(specs)[1])


@settings(max_examples=60, deadline=None)
@given(FLEETS)
def test_every_unit_has_objects_in_order_or_the_errors_that_prevented_them(specs: list[Any]) -> None:
    assignment, result = rendered(specs)
    keys = [key_of(obj) for each in result.values() for obj in each.objects]
    assert len(keys) == len(set(keys))
    for name, unit in assignment.units.items():
        if isinstance(unit, AppAssignment):
            assert bool(result[name].objects) is not has_errors(result[name].problems)
            ranks = [rank(obj) for obj in result[name].objects]
            assert ranks == sorted(ranks)


@settings(max_examples=100, deadline=None)
@given(FLEETS)
def test_no_spinapp_is_one_that_the_operators_webhooks_refuse(specs: list[Any]) -> None:
    _, result = rendered(specs)
    objects = [obj for each in result.values() for obj in each.objects]
    apps = [obj for obj in objects if obj["kind"] == "SpinApp"]
    assert [list(refusals(app, executors_of(objects))) for app in apps] == [[] for _ in apps]


@settings(max_examples=60, deadline=None)
@given(FLEETS)
def test_an_app_is_rendered_alike_whatever_stands_beside_it(specs: list[Any]) -> None:
    alone, together = rendered(specs[:1])[1], rendered(specs)[1]
    if "a0" in together:
        assert _bytes({"a0": alone["a0"]}) == _bytes({"a0": together["a0"]})


@settings(max_examples=40, deadline=None)
@given(FLEETS)
def test_clusters_whose_documents_say_the_same_get_the_same(specs: list[Any]) -> None:
    # Executors of a Cluster document are traced to that document.
    one, other = (
        _bytes(rendered(specs, cluster)[1]).replace(f"clusters/{cluster}.yaml".encode(), b"") for cluster in CLUSTERS
    )
    assert one.replace(b"'eu'", b"'us'") == other


def _resolved(schema: Any, whole: Any) -> Any:
    while "$ref" in schema:
        found = whole
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def _fields(schema: Any, whole: Any, at: str = "", depth: int = 0) -> set[str]:
    """Give the paths of the fields of an App, three names deep; places in lists don't count."""
    schema, found = _resolved(schema, whole), set[str]()
    for alternative in (schema, *schema.get("oneOf", ()), *schema.get("anyOf", ())):
        for name, below in (_resolved(alternative, whole).get("properties") or {}).items():
            found.add(f"{at}{name}")
            if depth < 2:
                inner = _resolved(below, whole)
                found |= _fields(inner, whole, f"{at}{name}.", depth + 1)
                found |= _fields(inner.get("items") or {}, whole, f"{at}{name}.", depth + 1)
    return found


def _used(value: Any, at: str = "") -> set[str]:
    if isinstance(value, list):
        return {path for each in value for path in _used(each, at)}
    if not isinstance(value, dict):
        return set()
    return {path for name, each in value.items() for path in (f"{at}{name}", *_used(each, f"{at}{name}."))}


def test_every_field_that_becomes_part_of_an_object_occurs_in_apps_that_are_rendered() -> None:
    used: set[str] = set()
    for spec in WHOLE:
        result = rendered([spec])[1]["a0"]
        assert result.objects, [str(problem) for problem in result.problems]
        used |= _used(spec)
    schema = bundled("app")
    # Where an app runs, and what changes there, is used up before anything is rendered.
    without = {*become_nothing(), "placement", "overrides"}
    wanted = {path for path in _fields(schema["$defs"]["fields"], schema) if path.split(".")[0] not in without}
    assert wanted - used == set()
