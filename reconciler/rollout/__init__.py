"""Which version of an app a cluster may run now, and what it has released before. Pure: stages and gates turn here."""

from reconciler.rollout.decision import Last, Move, Newest, decide
from reconciler.rollout.records import Record, Released

__all__ = ["Last", "Move", "Newest", "Record", "Released", "decide"]
