from __future__ import annotations

import pytest
import wasmtime

from reconciler import data


@pytest.fixture(scope="session")
def component() -> bytes:
    """A whole component of a few kilobytes that answers HTTP."""
    text = (data.folder("fleet-example") / "apps" / "greeter" / "greeter.wat").read_text()
    return bytes(wasmtime.wat2wasm(text))
