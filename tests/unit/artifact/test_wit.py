"""What a world imports is read from WIT with all it includes and uses, and with the features that gate it."""

from __future__ import annotations

import pytest

from maintain.wit import imports, read

FILES = {
    "wit/world.wit": """
        package spin:up@4.0.0;
        /// The full world { of a guest }
        world http-trigger { include platform; export wasi:http/handler@0.3.0; }
        world platform {
          include wasi:cli/imports@0.2.6;
          @unstable(feature = wasip3)
          include wasi:clocks/imports@0.3.0;
          import spin:sqlite/sqlite@3.0.0; // databases
          import run: func() -> u32;
        }
    """,
    "wit/deps/cli/imports.wit": """
        package wasi: cli@0.2.6;
        @since(version = 0.2.0)
        world imports { @since(version = 0.2.0) import exit; import stdin; }
    """,
    "wit/deps/cli/stdio.wit": """
        interface exit { exit: func(status: result); }
        interface stdin { use wasi:io/streams@0.2.6.{input-stream}; get-stdin: func() -> input-stream; }
        interface stdout { }
    """,
    "wit/deps/io.wit": """
        package wasi:io@0.2.6;
        interface streams { use error.{error}; resource input-stream { } }
        interface error { resource error; }
    """,
    "wit/deps/clocks.wit": """
        package wasi:clocks@0.3.0;
        world imports { import wall-clock; @unstable(feature = clocks-timezone) import timezone; }
        interface wall-clock { } interface timezone { }
    """,
    "wit/deps/sqlite.wit": "package spin:sqlite@3.0.0; interface sqlite { /* world x { import y; } */ }",
}


def test_a_world_imports_what_it_includes_and_what_that_uses() -> None:
    assert imports(read(FILES), "spin:up/http-trigger@4.0.0") == {
        "wasi:cli/exit@0.2.6": "",
        "wasi:cli/stdin@0.2.6": "",
        "wasi:io/streams@0.2.6": "",
        "wasi:io/error@0.2.6": "",
        "wasi:clocks/wall-clock@0.3.0": "wasip3",
        "wasi:clocks/timezone@0.3.0": "wasip3,clocks-timezone",
        "spin:sqlite/sqlite@3.0.0": "",
    }


def test_each_name_keeps_the_file_that_it_stands_in() -> None:
    assert read(FILES).places["wasi:cli/stdin@0.2.6"] == "wit/deps/cli/stdio.wit"


def test_a_world_that_is_not_there_is_an_error() -> None:
    with pytest.raises(LookupError, match="wasi:gone/imports"):
        imports(read({"a/world.wit": "package a:b@1.0.0; world w { include wasi:gone/imports@0.2.0; }"}), "a:b/w@1.0.0")


def test_an_interface_offers_its_functions_and_resources_as_binaries_name_them() -> None:
    text = """
        package a:b@1.0.0;
        interface store {
          record entry { name: string, value: list<u8> }
          resource bucket { constructor(name: string); open: static func() -> bucket; get: func(key: string) -> entry;
            @since(version = 1.1.0) get-async: async func(key: string); wait: static async func(); }
          resource marker;
          /* lost: func(); */ %list: func() -> list<entry>;
        }
    """
    assert read({"a.wit": text}).offers["a:b/store@1.0.0"] == {
        "[resource]bucket",
        "[constructor]bucket",
        "[static]bucket.open",
        "[method]bucket.get",
        "[method]bucket.get-async",
        "[static]bucket.wait",
        "[resource]marker",
        "list",
    }
