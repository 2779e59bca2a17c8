"""Imports are held against the cluster's Spin version and exports against triggers, by tables read from Spin's sources."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from reconciler.artifact import worlds
from reconciler.artifact.child import WasmReport
from reconciler.artifact.locked_app import LockedTrigger
from reconciler.artifact.worlds import WorldFindings, check_imports, check_world, handler_fault, release_of
from tests.unit.artifact.making import read

HTTP = "wasi:http/incoming-handler@0.2.0"
WAGI = {"executor": {"type": "wagi"}}


def report(
    *imports: str, exports: tuple[str, ...] = (HTTP,), kind: str = "component", sort: str = "instance"
) -> WasmReport:
    return WasmReport(
        kind=kind,
        imports=tuple((name, sort) for name in imports),
        exports=tuple((name, "instance") for name in exports),
        modules=1,
    )


def judged(found: WasmReport, spin: str | None = "3.6") -> WorldFindings:
    app = read()
    return check_world(app, {app.components[0].digest: found}, spin)


@pytest.mark.parametrize(
    ("name", "spin", "provided"),
    [
        ("wasi:cli/environment@0.2.0", "2.6", True),
        ("wasi:cli/environment@0.2.9", "2.6", True),
        ("wasi:cli/environment@0.2.0-rc-2023-11-10", "2.6", True),
        ("wasi:cli/environment@0.2.0-rc-2024-01-01", "3.6", False),
        ("wasi:cli/environment@0.3.0", "4.0", False),
        ("wasi:clocks/timezone@0.2.6", "3.6", False),
        ("wasi:otel/tracing@0.2.0-rc.2", "3.6", False),
        ("wasi:nn/graph@0.2.0", "3.6", False),
        ("wasi:config/store@0.2.0-draft-2024-09-27", "2.7", False),
        ("wasi:config/store@0.2.0-draft-2024-09-27", "3.0", True),
        ("wasi:keyvalue/store@0.2.0-draft2", "3.0", True),
        ("wasi:http/types@0.3.0-rc-2026-01-06", "3.6", True),
        ("wasi:http/types@0.3.0-rc-2026-01-06", "4.0", False),
        ("wasi:http/client@0.3.0-rc-2026-03-15", "4.0", True),
        ("fermyon:spin/key-value@2.0.0", "2.6", True),
        ("fermyon:spin/key-value", "4.0", True),
        ("fermyon:spin/teleport@2.0.0", "4.0", False),
        ("spin:postgres/postgres@3.0.0", "2.7", False),
        ("spin:postgres/postgres@3.0.0", "3.0", True),
        ("spin:postgres/postgres@4.0.0", "3.3", False),
        ("spin:postgres/postgres@4.0.0", "3.4", True),
        ("spin:sqlite/sqlite@3.0.0", "3.2", False),
        ("spin:sqlite/sqlite@3.0.0", "3.3", True),
        ("spin:redis/redis@3.0.0", "3.6.3", False),
        ("spin:redis/redis@3.0.0", "v4.0.2", True),
        ("acme:billing/ledger@1.0.0", "4.0", False),
        ("run", "4.0", False),
    ],
)
def test_an_import_is_provided_or_an_error(name: str, spin: str, provided: bool) -> None:
    assert (judged(report(name), spin).errors == ()) is provided


def test_an_error_says_which_versions_would_do() -> None:
    assert judged(report("spin:redis/redis@3.0.0")).errors == (
        "component 'main' imports spin:redis/redis@3.0.0, which Spin 3.6 does not provide (those that do: 4.0, 4.1)",
    )
    assert judged(report("wasi:nn/graph@0.2.0")).errors == (
        "component 'main' imports wasi:nn/graph@0.2.0, which no known version of Spin provides",
    )
    assert "compose it in" in judged(report("acme:billing/ledger")).errors[0]


POSTGRES = "spin:postgres/postgres@4.2.0"


@pytest.mark.parametrize(
    ("asked", "spin", "lacking"),
    [
        (("[resource]connection", "[method]connection.query"), "3.4", ""),
        (("[constructor]connection-builder", "[method]connection.query"), "3.4", "[constructor]connection-builder"),
        (("[constructor]connection-builder", "[method]connection.query"), "4.0", ""),
        (("[async method]connection.query", "[async]nothing"), "4.0", "nothing"),
    ],
)
def test_what_is_asked_of_an_import_must_be_in_the_version_that_spin_has(
    asked: tuple[str, ...], spin: str, lacking: str
) -> None:
    found = judged(dataclasses.replace(report(POSTGRES), asked={POSTGRES: asked}), spin).errors
    assert len(found) == bool(lacking)
    assert all(f"imports {lacking} of {POSTGRES}, which " in each for each in found)


def test_what_wasmtime_links_by_its_own_sources_is_judged_by_name_alone() -> None:
    wasi = "wasi:http/types@0.2.9"
    assert not judged(dataclasses.replace(report(wasi), asked={wasi: ("[method]fields.yet-to-come",)})).errors


@pytest.mark.parametrize("name", ["fermyon:spin-sqs/sqs-types@2.0.0", "spin:mqtt-trigger/spin-mqtt-types", "acme:a/b"])
def test_an_import_of_types_alone_needs_nobody_to_provide_it(name: str) -> None:
    assert judged(dataclasses.replace(report(name), asked={name: ()})).errors == ()
    assert judged(dataclasses.replace(report(name), asked={name: ("[resource]x",)})).errors
    assert judged(report(name)).errors


def test_types_that_are_equal_to_others_need_nothing() -> None:
    assert judged(report("some-type", sort="type")).errors == ()
    assert judged(report("some-resource", sort="resource")).errors


def test_without_a_version_every_release_counts_and_a_warning_says_so() -> None:
    result = judged(report("spin:redis/redis@3.0.0"), None)
    assert result.errors == ()
    assert "set spin" in result.warnings[0]
    assert judged(report("wasi:nn/graph@0.2.0"), None).errors


@pytest.mark.parametrize("spin", ["2.5", "9.9", "nonsense"])
def test_a_version_beyond_the_tables_is_a_warning(spin: str) -> None:
    assert release_of(spin)[1]
    assert judged(report("wasi:cli/exit@0.2.0"), spin).errors == ()


@pytest.mark.parametrize(
    ("trigger", "config", "exports", "spin", "fault"),
    [
        ("http", {}, [HTTP], "2.6", ""),
        ("http", {}, ["wasi:http/incoming-handler@0.2.1"], "2.6", "exports no handler"),
        ("http", {}, ["wasi:http/incoming-handler@0.2.1"], "3.0", ""),
        ("http", {}, ["wasi:http/incoming-handler@0.2.6"], "3.0", "exports no handler"),
        ("http", {}, ["wasi:http/incoming-handler@0.2.6", "other:thing/x"], "3.1", ""),
        ("http", {}, ["wasi:http/incoming-handler@0.2.0-rc-2023-10-18"], "3.6", ""),
        ("http", {}, ["wasi:http/incoming-handler@0.2.0-rc-2024-10-18"], "3.6", "exports no handler"),
        ("http", {}, ["fermyon:spin/inbound-http"], "4.0", ""),
        ("http", {}, [], "3.6", "exports nothing"),
        ("http", {}, ["wasi:cli/run@0.2.0"], "3.6", "exports no handler"),
        ("http", WAGI, ["wasi:cli/run@0.2.0"], "3.6", ""),
        ("http", WAGI, [HTTP], "3.6", "exports no handler"),
        ("http", {"executor": {"type": "http"}}, [HTTP], "3.6", ""),
        ("http", {}, [HTTP, "fermyon:spin/inbound-http"], "3.6", "several handlers"),
        ("http", {}, ["wasi:http/handler@0.3.0-rc-2026-01-06"], "3.6", "executor"),
        ("http", {"executor": {"type": "wasip3-unstable"}}, ["wasi:http/handler@0.3.0-rc-2026-01-06"], "3.6", ""),
        ("http", {"executor": {"type": "wasip3-unstable"}}, [HTTP], "3.6", "doesn't call"),
        ("http", {"executor": {"type": "wasip3-unstable"}}, ["wasi:http/handler@0.3.0-rc-2025-09-16"], "3.5", ""),
        ("http", {}, ["wasi:http/handler@0.3.0-rc-2026-03-15"], "4.0", ""),
        ("http", {}, ["wasi:http/handler@0.3.0-rc-2026-03-15"], "3.6", "exports no handler"),
        ("http", {}, ["wasi:http/handler@0.3.0"], "4.1", ""),
        ("redis", {}, ["fermyon:spin/inbound-redis"], "2.6", ""),
        ("redis", {}, ["spin:redis/inbound-redis@3.0.0"], "3.6", "exports no handler"),
        ("redis", {}, ["spin:redis/inbound-redis@3.0.0"], "4.0", ""),
        ("redis", {}, ["fermyon:spin/inbound-redis", "spin:redis/inbound-redis@3.0.0"], "4.0", "several handlers"),
        ("redis", {}, [HTTP], "3.6", "exports no handler"),
        ("command", {}, ["wasi:cli/run@0.2.3"], "3.6", ""),
        ("command", {}, [HTTP], "3.6", "exports no handler"),
        ("command", {}, ["wasi:cli/run@0.3.0-rc-2026-03-15"], "4.0", ""),
        ("command", {}, ["wasi:cli/run@0.3.0-rc-2026-03-15"], "3.6", "exports no handler"),
        # The plugin calls WASI 0.3's where there is one; WAGI calls 0.2's and no other.
        ("command", {}, ["wasi:cli/run@0.2.6", "wasi:cli/run@0.3.0-rc-2026-03-15"], "4.0", ""),
        ("command", {}, ["wasi:cli/run@0.2.6", "wasi:cli/run@0.3.0-rc-2026-03-15"], "3.6", ""),
        ("command", {}, ["wasi:cli/run@0.2.0", "wasi:cli/run@0.2.6"], "4.0", "several handlers"),
        ("http", WAGI, ["wasi:cli/run@0.2.6", "wasi:cli/run@0.3.0-rc-2026-03-15"], "4.0", ""),
        ("http", WAGI, ["wasi:cli/run@0.3.0-rc-2026-03-15"], "4.0", "exports no handler"),
        ("sqs", {}, ["handle-queue-message"], "3.6", ""),
        ("sqs", {}, ["handle-message"], "3.6", "exports no handler"),
        ("mqtt", {}, ["handle-message"], "3.6", ""),
        ("mqtt", {}, [HTTP], "3.6", "exports no handler"),
        ("cron", {}, [], "3.6", ""),
    ],
)
def test_a_trigger_needs_exactly_one_handler_that_its_spin_calls(
    trigger: str, config: dict[str, object], exports: list[str], spin: str, fault: str
) -> None:
    found = handler_fault(LockedTrigger(type=trigger, config=config), exports, release_of(spin)[0])
    words = "exports nothing" if "exports nothing" in found else fault
    assert (words in found) if fault else found == ""


def test_core_modules_are_said_to_be_not_checked() -> None:
    result = judged(report("env#f", kind="module", exports=()))
    assert result.errors == ()
    assert "core module" in result.notes[0]


def test_a_single_wasm_layer_has_imports_and_no_triggers() -> None:
    assert check_imports({"sha256:a": report("wasi:nn/graph@0.2.0", exports=())}, "3.6").errors
    assert check_imports({"sha256:a": report("wasi:cli/exit@0.2.0", exports=())}, "3.6").errors == ()


def test_each_row_of_the_tables_has_its_source_and_releases_that_exist() -> None:
    table = json.loads(Path(worlds.__file__).with_name("spin_interfaces.json").read_text())
    rows = [*table["imports"].values(), *(row for found in table["exports"].values() for row in found.values())]
    assert all(row["source"] and row["spin"] and set(row["spin"]) <= set(table["releases"]) for row in rows)
    assert next(iter(table["releases"])) == "2.6"
