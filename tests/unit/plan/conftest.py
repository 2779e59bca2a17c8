from __future__ import annotations

from typing import Any

import pytest

MANAGER = "spinfleet-0123456789abcdef"


@pytest.fixture
def manager() -> str:
    return MANAGER


@pytest.fixture
def config_map() -> Any:
    """Give ConfigMaps as a server holds them after our apply: `fields` is our fieldsV1."""

    def make(data: dict[str, str], *, fields: Any = None, **metadata: Any) -> dict[str, Any]:
        ours = {"f:data": {f"f:{key}": {} for key in data}} if fields is None else fields
        entry = {
            "manager": MANAGER,
            "operation": "Apply",
            "apiVersion": "v1",
            "fieldsType": "FieldsV1",
            "fieldsV1": ours,
        }
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "c", "namespace": "n", "managedFields": [entry], **metadata},
            "data": data,
        }

    return make
