"""`spinfleet render`, `explain` and `schema`."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from tests.cli.conftest import EXAMPLE, Spinfleet


def test_the_yaml_holds_what_the_cluster_would_get_in_apply_order(spinfleet: Spinfleet) -> None:
    answer = spinfleet("render", "--cluster", "eu", EXAMPLE)
    assert answer.returncode == 0, answer.stderr
    kinds = [obj["kind"] for obj in yaml.safe_load_all(answer.stdout)]
    assert kinds[:2] == ["Namespace", "Namespace"]
    assert kinds.index("SpinAppExecutor") < kinds.index("SpinApp") < kinds.index("Ingress")


def test_single_apps_and_other_forms(spinfleet: Spinfleet) -> None:
    names = spinfleet("render", "--cluster", "us", "--path", EXAMPLE, "-o", "name", "hello")
    assert names.stdout.splitlines() == ["SpinApp.core.spinkube.dev shop/hello", "Ingress.networking.k8s.io shop/hello"]
    items = json.loads(spinfleet("render", "--cluster", "us", "--path", EXAMPLE, "-o", "json", "hello").stdout)["items"]
    assert items[0]["spec"]["replicas"] == 4


def test_unknown_names_are_told_with_the_known_ones(spinfleet: Spinfleet) -> None:
    app = spinfleet("render", "--cluster", "eu", "--path", EXAMPLE, "nope")
    assert app.returncode == 2
    assert "one of: greeter, hello, web" in app.stderr
    assert spinfleet("render", "--cluster", "mars", EXAMPLE).returncode == 2


def test_an_app_that_can_not_be_rendered_is_told_and_the_rest_is_shown(spinfleet: Spinfleet, fleet: Path) -> None:
    app = fleet / "apps" / "hello" / "app.yaml"
    app.write_text(app.read_text() + "  nonsense: 1\n")
    answer = spinfleet("render", "--cluster", "eu", fleet, "-o", "name")
    assert answer.returncode == 1
    assert "SpinApp.core.spinkube.dev shop/greeter" in answer.stdout
    assert "shop/hello" not in answer.stdout
    assert "unknown field 'nonsense'" in answer.stderr


def test_every_object_names_the_line_that_asked_for_it(spinfleet: Spinfleet) -> None:
    plain = spinfleet("render", "--cluster", "eu", "--path", EXAMPLE, "hello")
    answer = spinfleet("render", "--cluster", "eu", "--path", EXAMPLE, "--with-source", "hello")
    assert list(yaml.safe_load_all(answer.stdout)) == list(yaml.safe_load_all(plain.stdout))
    comments = [line for line in answer.stdout.splitlines() if line.startswith("# ")]
    assert comments[0].startswith("# apps/hello/app.yaml:")
    assert any("spec.routes.0" in line for line in comments)
    items = json.loads(
        spinfleet("render", "--cluster", "eu", "--path", EXAMPLE, "--with-source", "-o", "json", "hello").stdout
    )["items"]
    places = [item["metadata"]["annotations"]["spinfleet.dev/source"] for item in items]
    assert all(place.startswith("apps/hello/app.yaml:") for place in places)


def test_a_tree_shows_objects_below_their_owners(spinfleet: Spinfleet) -> None:
    lines = spinfleet("render", "--cluster", "eu", "--path", EXAMPLE, "-o", "tree").stdout.splitlines()
    owners = [line for line in lines if line[0] not in "├└"]
    assert owners == ["_shared", "greeter", "hello", "web"]
    assert any(line.startswith("└─ SpinApp.core.spinkube.dev shop/greeter  apps/") for line in lines)


def test_explain_names_the_override_that_set_a_value(spinfleet: Spinfleet) -> None:
    answer = spinfleet("explain", "hello", "--cluster", "eu", "--path", EXAMPLE, "-o", "json")
    assert answer.returncode == 0, answer.stderr
    rows = {row["field"]: row for row in json.loads(answer.stdout)}
    assert rows["/replicas"]["value"] == 6
    assert rows["/replicas"]["via"] == "override 2"
    assert rows["/replicas"]["place"].startswith("apps/hello/app.yaml:")
    assert rows["/executor"]["via"] == "fleet defaults"
    assert "override 2" in spinfleet("explain", "hello", "--cluster", "eu", "--path", EXAMPLE).stdout


def test_schemas_are_printed_and_listed(spinfleet: Spinfleet) -> None:
    assert "app" in spinfleet("schema").stdout.split()
    assert json.loads(spinfleet("schema", "App").stdout)["title"].startswith("App")
    answer = spinfleet("schema", "nope")
    assert answer.returncode == 2
    assert "one of:" in answer.stderr
