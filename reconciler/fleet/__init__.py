"""Fleet documents to values: what is in a fleet repository, and what each cluster is to run. Pure."""

from reconciler.fleet.affected import affected
from reconciler.fleet.assign import assign, assign_unit
from reconciler.fleet.cases import Cases
from reconciler.fleet.explain import Explained, explain
from reconciler.fleet.load import LoadCache, load

__all__ = ["Cases", "Explained", "LoadCache", "affected", "assign", "assign_unit", "explain", "load"]
