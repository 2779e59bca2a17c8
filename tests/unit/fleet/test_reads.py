from __future__ import annotations

from typing import Any

import pytest

from reconciler.fleet import LoadCache, affected, assign, load
from reconciler.fleet.reads import service_name

_CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: pages}\ndata: {a: TEXT}\n"
_READS = "volumes: [{name: p, configMap: {name: pages}}]\nvolumeMounts: [{name: p, mountPath: /p}]"


def _files(make: Any, text: str = "one", spec: str = _READS, patches: str = "") -> dict[str, str]:
    return {
        **make.files(),
        "shop/app.yaml": make.app("shop", spec),
        "other/app.yaml": make.app("other"),
        "other/spin.toml": make.spin,
        "b.yaml": make.document("Bundle", "b", f"path: b\nnamespace: default\n{patches}"),
        "b/pages.yaml": _CONFIG.replace("TEXT", text),
    }


def _inputs(make: Any, **how: str) -> Any:
    fleet = load(make.tree(_files(make, **how))).fleet
    assert fleet is not None
    return assign(fleet, "eu").units["shop"].inputs


def test_what_an_app_reads_of_the_fleets_own_is_marked_by_the_git_id_of_its_file(make: Any) -> None:
    files = make.tree(_files(make)).files
    assert _inputs(make) == {("ConfigMap", "pages"): files["b/pages.yaml"].blob}


@pytest.mark.parametrize(
    "spec",
    [
        "variables: {greeting: {valueFrom: {configMapKeyRef: {name: pages, key: a}}}}",
        "volumes: [{name: p, projected: {sources: [{configMap: {name: pages}}]}}]",
        "runtimeConfig: {keyValueStores: {k: {type: redis, options: {url: {valueFrom: {configMapKeyRef: {name: pages, key: a}}}}}}}",
    ],
)
def test_an_app_reads_by_variables_volumes_and_options(make: Any, spec: str) -> None:
    assert list(_inputs(make, spec=spec)) == [("ConfigMap", "pages")]


@pytest.mark.parametrize(
    "spec", ["namespace: elsewhere\n" + _READS, "variables: {greeting: {secretKeyRef: {name: pages, key: a}}}", ""]
)
def test_another_namespace_or_kind_or_nothing_is_not_read(make: Any, spec: str) -> None:
    assert _inputs(make, spec=spec) == {}


def test_a_patch_for_this_cluster_is_part_of_what_is_read(make: Any) -> None:
    def patches(cluster: str, text: str) -> str:
        return f"patches: [{{clusters: {{names: [{cluster}]}}, target: {{kind: ConfigMap}}, patch: {{data: {{a: {text}}}}}}}]"

    plain = _inputs(make)
    assert _inputs(make, patches=patches("us", "x")) == plain
    assert _inputs(make, patches=patches("eu", "x")) != plain
    assert _inputs(make, patches=patches("eu", "x")) != _inputs(make, patches=patches("eu", "y"))


def test_a_change_of_what_an_app_reads_touches_that_app_alone(make: Any) -> None:
    cache = LoadCache()
    old = load(make.tree(_files(make)), cache=cache).fleet
    new = load(make.tree(_files(make, text="two")), cache=cache).fleet
    assert old is not None
    assert new is not None
    assert affected(old, new, "eu") == {"b", "shop"}


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("a", ("mine", "a")),
        ("a.b", ("b", "a")),
        ("a.b.svc", ("b", "a")),
        ("a.b.svc.cluster.local", ("b", "a")),
        ("A.b.svc.cluster.local.", ("b", "a")),
        ("api.example.com", None),
        ("", None),
    ],
)
def test_a_host_is_a_service_as_a_pods_search_path_has_it(host: str, expected: Any) -> None:
    assert service_name(host, "mine") == expected
