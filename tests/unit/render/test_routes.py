from __future__ import annotations

from typing import Any

import pytest

from reconciler.render.routes import ingress_path, route_problems, routes_of


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ("/a", ("/a", "Exact")),
        ("/", ("/", "Exact")),
        ("/...", ("/", "Prefix")),
        ("/a/...", ("/a", "Prefix")),
        ("/a/*", ("/a", "Prefix")),
        ("/a/:id/b", ("/a", "Prefix")),
        ("/:all", ("/", "Prefix")),
    ],
)
def test_a_spin_route_is_never_narrowed(route: str, expected: tuple[str, str]) -> None:
    assert ingress_path(route) == expected


def test_routes_from_the_manifest_leave_out_private_ones_and_dropped_components(app: Any) -> None:
    spec = {"routes": [{"host": "h", "paths": "fromManifest"}], "components": ["c0", "c1"]}
    found = routes_of(app(spec, routes=["/a", {"private": True}, "/dropped"]))
    assert [(route.path, route.match) for route in found] == [("/a", "Exact")]


@pytest.mark.parametrize("path", ["/b", "/ab", "/a2/..."])
def test_a_path_where_nothing_answers_is_an_error(app: Any, path: str) -> None:
    problems = list(route_problems(app({"routes": [{"host": "h", "path": path}]}, routes=["/a/..."])))
    assert [problem.code for problem in problems] == ["render.route"]


@pytest.mark.parametrize("path", ["/", "/a", "/a/b"])
def test_a_path_around_or_under_a_route_is_fine(app: Any, path: str) -> None:
    problems = list(route_problems(app({"routes": [{"host": "h", "path": path}]}, routes=["/a/..."])))
    assert problems == []


def test_showing_spins_own_paths_to_the_world_is_warned_of(app: Any) -> None:
    problems = list(route_problems(app({"routes": [{"host": "h", "path": "/.well-known/spin"}]})))
    assert [(problem.code, str(problem.severity)) for problem in problems] == [("render.public-well-known", "warning")]


@pytest.mark.parametrize("path", ["/.well-known", "/.well-known/spin/health", "/.well-known/spin/"])
def test_so_is_a_path_around_or_under_them(app: Any, path: str) -> None:
    problems = list(route_problems(app({"routes": [{"host": "h", "path": path}]})))
    assert [problem.code for problem in problems] == ["render.public-well-known"]


@pytest.mark.parametrize(
    "entry",
    [
        {"gateway": {"name": "g"}, "tls": "cert"},
        {"gateway": {"name": "g"}, "ingressClass": "nginx"},
        {"paths": "fromManifest", "path": "/a"},
        {"path": "/a//b"},
        {"path": "/a/.."},
        {"path": "/%2Fa"},
        {"path": "/é", "gateway": {"name": "g"}},
        {"path": "/" + "a" * 1024, "gateway": {"name": "g"}},
    ],
)
def test_an_entry_that_can_not_be_said_is_an_error(app: Any, entry: dict[str, Any]) -> None:
    problems = list(route_problems(app({"routes": [{"host": "h", **entry}]})))
    assert [problem.code for problem in problems] == ["render.route"]


def test_one_path_in_two_ways_is_an_error_and_in_one_way_is_one_rule(app: Any) -> None:
    both = [{"host": "h", "path": "/"}, {"host": "h", "paths": "fromManifest"}]
    assert len(routes_of(app({"routes": both}))) == 1
    assert list(route_problems(app({"routes": both}))) == []
    (problem,) = route_problems(app({"routes": [both[0], {**both[1], "ingressClass": "nginx"}]}))
    assert "is routed twice" in problem.message


def test_an_http_route_has_at_most_sixty_four_matches_and_the_rest_is_another(rendered: Any) -> None:
    paths = [f"/p{number}" for number in range(130)]
    result = rendered({"routes": [{"host": "h", "paths": "fromManifest", "gateway": {"name": "g"}}]}, routes=paths)
    routes = [each for each in result.objects if each["kind"] == "HTTPRoute"]
    assert [len(each["spec"]["rules"][0]["matches"]) for each in routes] == [64, 64, 2]
    assert [each["metadata"]["name"] for each in routes] == ["shop", "shop-2", "shop-3"]
