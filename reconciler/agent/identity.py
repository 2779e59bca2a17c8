"""Who the agent is to the API server while it works for one FleetSync."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.agent.fleetsync import FleetSync
from reconciler.errors import InputError
from reconciler.fleet.model import API_GROUP
from reconciler.plan.membership import applyset_id, field_manager

PARENT_KIND = "FleetSync"


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The FleetSync's ApplySet id, the field manager that owns what is written, and whom the agent impersonates."""

    applyset: str
    manager: str
    user: str

    @property
    def selector(self) -> str:
        """The label selector of the members."""
        return f"applyset.kubernetes.io/part-of={self.applyset}"


def identity_of(sync: FleetSync, default_service_account: str) -> Identity:
    """Give the identity for a FleetSync. Raises InputError where no service account is named: the agent never lends its own rights."""
    account = sync.service_account or default_service_account
    if not account:
        raise InputError(
            f"FleetSync {sync.namespace}/{sync.name} names no service account and the agent has no default",
            hint="set spec.serviceAccountName to an account in its namespace that may write the fleet's objects",
        )
    applyset = applyset_id(sync.name, sync.namespace, PARENT_KIND, API_GROUP)
    return Identity(
        applyset=applyset,
        manager=field_manager(sync.name, sync.namespace, PARENT_KIND, API_GROUP),
        user=f"system:serviceaccount:{sync.namespace}:{account}",
    )
