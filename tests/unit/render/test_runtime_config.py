from __future__ import annotations

import tomllib
from typing import Any

_TYPED = {"default": {"type": "aws_dynamo", "options": {"region": "eu", "table": "t", "consistent_read": "true"}}}


def test_the_rendered_toml_says_what_the_app_says(of_kind: Any) -> None:
    config = {
        "providers": [{"type": "static", "values": {"q": 'a "b" \\ \n é \x7f', "x y": "z"}}],
        "keyValueStores": _TYPED,
    }
    secret = of_kind("Secret", {"runtimeConfig": config})
    assert tomllib.loads(secret["stringData"]["runtime-config.toml"]) == {
        "variables_provider": [{"type": "static", "values": {"q": 'a "b" \\ \n é \x7f', "x y": "z"}}],
        "key_value_store": {"default": {"type": "aws_dynamo", "region": "eu", "table": "t", "consistent_read": True}},
    }


def test_the_spinapp_loads_the_secret_by_its_name(rendered: Any) -> None:
    objects = {each["kind"]: each for each in rendered({"runtimeConfig": {"keyValueStores": _TYPED}}).objects}
    assert objects["SpinApp"]["spec"]["runtimeConfig"] == {"loadFromSecret": objects["Secret"]["metadata"]["name"]}


def test_another_content_is_another_secret_so_that_pods_are_rolled(of_kind: Any) -> None:
    one = of_kind("Secret", {"runtimeConfig": {"providers": [{"type": "env"}]}})
    two = of_kind("Secret", {"runtimeConfig": {"providers": [{"type": "env", "prefix": "A"}]}})
    assert one["metadata"]["name"] != two["metadata"]["name"]


def test_what_a_spinapp_can_say_needs_no_secret(rendered: Any) -> None:
    config = {"keyValueStores": {"default": {"type": "redis", "options": {"url": "redis://r"}}}}
    assert [each["kind"] for each in rendered({"runtimeConfig": config}).objects] == ["SpinApp"]


def test_a_value_of_the_cluster_beside_what_needs_the_file_is_refused_with_the_way_out(rendered: Any) -> None:
    redis = {"type": "redis", "options": {"url": {"secretKeyRef": {"name": "r", "key": "u"}}}}
    result = rendered({"runtimeConfig": {"providers": [{"type": "env"}], "keyValueStores": {"default": redis}}})
    assert result.objects == ()
    assert [problem.code for problem in result.problems] == ["render.runtime-config"]
    assert "loadFromSecret" in result.problems[0].hint


def test_a_boolean_option_that_is_none_is_refused(rendered: Any) -> None:
    config = {
        "keyValueStores": {
            "default": {"type": "aws_dynamo", "options": {"region": "eu", "table": "t", "consistent_read": "maybe"}}
        }
    }
    assert [problem.code for problem in rendered({"runtimeConfig": config}).problems] == ["render.runtime-config"]


def test_a_value_that_toml_has_no_word_for_is_refused(rendered: Any) -> None:
    result = rendered({"runtimeConfig": {"providers": [{"type": "env", "prefix": None}]}})
    assert result.objects == ()
    assert [problem.code for problem in result.problems] == ["render.runtime-config"]
    assert "'prefix'" in result.problems[0].message
