from __future__ import annotations

from typing import Any

import pytest

from reconciler.render.routes import ingress_path, routes_of


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
    found = routes_of(app(spec, routes=["/a", {"private": True}, "/dropped"]), [])
    assert [(route.path, route.match) for route in found] == [("/a", "Exact")]


@pytest.mark.parametrize("path", ["/b", "/ab", "/a2/..."])
def test_a_path_where_nothing_answers_is_an_error(app: Any, path: str) -> None:
    problems: list[Any] = []
    routes_of(app({"routes": [{"host": "h", "path": path}]}, routes=["/a/..."]), problems)
    assert [problem.code for problem in problems] == ["render.route"]


@pytest.mark.parametrize("path", ["/", "/a", "/a/b"])
def test_a_path_around_or_under_a_route_is_fine(app: Any, path: str) -> None:
    problems: list[Any] = []
    routes_of(app({"routes": [{"host": "h", "path": path}]}, routes=["/a/..."]), problems)
    assert problems == []


def test_showing_spins_own_paths_to_the_world_is_warned_of(app: Any) -> None:
    problems: list[Any] = []
    routes_of(app({"routes": [{"host": "h", "path": "/.well-known/spin"}]}), problems)
    assert [(problem.code, str(problem.severity)) for problem in problems] == [("render.public-well-known", "warning")]
