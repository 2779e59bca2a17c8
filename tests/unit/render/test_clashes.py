from __future__ import annotations

from typing import Any

from reconciler.fleet.model import Assignment, Cluster, Fleet
from reconciler.render import clashes, render


def _routed(app: Any, name: str, host: str = "h", path: str = "/") -> Any:
    return app({"routes": [{"host": host, "path": path}]}, name=name)


def test_the_first_app_by_name_has_the_host_and_path(app: Any) -> None:
    found = clashes([_routed(app, "b"), _routed(app, "a")])
    assert list(found) == ["b"]
    assert "'a' already (a/app.yaml:1)" in found["b"][0].message


def test_another_host_or_path_is_no_clash(app: Any) -> None:
    assert clashes([_routed(app, "a"), _routed(app, "b", path="/b"), _routed(app, "c", host="other")]) == {}


def test_one_account_wanted_alike_is_shared(app: Any) -> None:
    spec = {"serviceAccountName": "s", "serviceAccount": {"create": True}}
    assert clashes([app(spec, name="a"), app(spec, name="b")]) == {}


def test_one_account_wanted_otherwise_is_a_clash(app: Any) -> None:
    specs = [{"serviceAccountName": "s", "serviceAccount": {"annotations": {"role": each}}} for each in "ab"]
    assert list(clashes([app(specs[0], name="a"), app(specs[1], name="b")])) == ["b"]


def test_one_object_rendered_by_two_apps_is_an_error_of_the_second(app: Any, cluster: Cluster) -> None:
    # The second Ingress of `shop` has the name of the first of `shop-2`.
    routes = [{"host": "a", "ingressClass": "x"}, {"host": "b", "ingressClass": "y"}]
    units = {"shop": app({"routes": routes}), "shop-2": app({"routes": [{"host": "c"}]}, name="shop-2")}
    fleet = Fleet(name="f", path="f.yaml", line=1, commit=None, spec={}, clusters={}, apps={}, bundles={})
    rendered = render(Assignment(cluster=cluster, commit=None, fleet=fleet, units=units))
    assert rendered["shop"].problems == ()
    assert [problem.code for problem in rendered["shop-2"].problems] == ["render.object-clash"]
    assert rendered["shop-2"].objects == ()
