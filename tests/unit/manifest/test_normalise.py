from __future__ import annotations

from reconciler.manifest import Application, parse


def _application(text: str) -> Application:
    parsed = parse(text.encode(), "spin.toml")
    assert parsed.application is not None, parsed.problems
    return parsed.application


_V1 = 'spin_manifest_version = "1"\nname = "shop"\ntrigger = { type = "http", base = "/" }\n'
_V2 = 'spin_manifest_version = 2\n[application]\nname = "shop"\n'


def test_a_version_1_component_id_becomes_kebab_case_and_the_last_of_one_id_stays() -> None:
    text = _V1 + "".join(
        f'[[component]]\nid = "{name}"\nsource = "{name}.wasm"\ntrigger = {{ route = "/{name}" }}\n'
        for name in ("my_Cart", "my-cart")
    )
    application = _application(text)
    assert list(application.components) == ["my-cart"]
    assert application.components["my-cart"].source == "my-cart.wasm"
    assert [trigger.config["route"] for trigger in application.triggers] == ["/my_Cart", "/my-cart"]


def test_a_version_1_component_reaches_databases_unless_it_says_its_hosts() -> None:
    component = '[[component]]\nid = "a"\nsource = "a"\ntrigger = { route = "/" }\n'
    implicit = _application(_V1 + component + 'allowed_http_hosts = ["x"]\n').components["a"]
    assert implicit.allowed_outbound_hosts == ("redis://*:*", "mysql://*:*", "postgres://*:*", "http://x", "https://x")
    explicit = _application(_V1 + component + "allowed_outbound_hosts = []\n").components["a"]
    assert explicit.allowed_outbound_hosts == ()


def test_version_1_config_and_trigger_settings_stand_where_version_2_has_them() -> None:
    component = '[[component]]\nid = "a"\nsource = "a"\ntrigger = { route = "/" }\nconfig = { k = "v" }\n'
    application = _application(_V1 + component)
    assert application.manifest_version == 1
    assert application.components["a"].variables == {"k": "v"}
    assert application.trigger_settings == {"http": {"base": "/"}}
    assert application.triggers[0].id == "trigger-a"


def test_triggers_get_the_ids_that_spin_gives_them() -> None:
    application = _application(
        _V2
        + '[[trigger.http]]\nroute = "/a"\ncomponent = "a"\n'
        + '[[trigger.http]]\nroute = "/b"\ncomponent = "a"\n'
        + '[[trigger.http]]\nid = "own"\nroute = "/c"\ncomponent = "a"\n'
        + '[[trigger.http]]\nroute = "/d"\nstatic_response = {}\n'
        + '[component.a]\nsource = "a"\n'
    )
    assert [trigger.id for trigger in application.triggers] == [
        "a-http-trigger",
        "http-trigger1",
        "own",
        "http-trigger2",
    ]


def test_inline_components_get_the_ids_that_spin_gives_them() -> None:
    application = _application(
        _V2
        + '[[trigger.http]]\nid = "cart"\nroute = "/a"\ncomponent = { source = "cart.wasm" }\n'
        + '[[trigger.http]]\nroute = "/b"\ncomponent = { source = "other.wasm" }\n'
        + '[[trigger.fancy]]\ncomponents = { x = [{ source = "x.wasm" }, "cart-component"], y = { source = "y.wasm" } }\n'
        + '[component.cart-component]\nsource = "there.wasm"\n'
    )
    assert {name: each.source for name, each in application.components.items()} == {
        "cart-component": "there.wasm",
        "inline-component1": "cart.wasm",
        "http-trigger1-component": "other.wasm",
        "inline-component2": "x.wasm",
        "inline-component3": "y.wasm",
    }
    assert application.triggers[2].config["components"] == {
        "x": ["inline-component2", "cart-component"],
        "y": ["inline-component3"],
    }


def test_a_table_written_as_a_list_is_read_in_the_order_of_its_fields_and_told() -> None:
    text = (
        _V2 + '[[trigger.http]]\nroute = "/"\ncomponent = "a"\n[component.a]\nsource = "a"\nbuild = ["make", "src"]\n'
    )
    parsed = parse(text.encode(), "spin.toml")
    assert parsed.application is not None
    assert parsed.application.components["a"].build == {"command": "make", "workdir": "src"}
    assert [(each.code, each.severity, each.line) for each in parsed.problems] == [
        ("spin.parse.positional", "warning", 9)
    ]
