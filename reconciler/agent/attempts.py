"""Attempts to write or delete single objects, and why the last one of each failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from reconciler.agent.members import Members
from reconciler.agent.metrics import Metrics
from reconciler.agent.observing import Observer
from reconciler.agent.status import ObjectFailure
from reconciler.cluster.answers import CONFLICT
from reconciler.errors import ClusterError, InputError, UnavailableError
from reconciler.plan.model import ObjectKey


class RefusedError(Exception):
    """Why this object is not written; no request could change that. An empty message: there is nothing to be told."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(kw_only=True, slots=True)
class Attempts:
    """One attempt an object at a time: what goes wrong ends as its failure, and stops no other."""

    members: Members
    observer: Observer
    metrics: Metrics
    failures: dict[ObjectKey, ObjectFailure] = field(default_factory=dict)

    @contextmanager
    def at(self, key: ObjectKey, owner: str) -> Iterator[None]:
        """Hold back watch events of the object meanwhile, and turn what goes wrong into its failure."""
        self.observer.begin(key)
        try:
            yield
            self.failures.pop(key, None)
        except RefusedError as reason:
            if reason.message:
                self.failed(key, owner, reason.code, reason.message)
            else:
                self.failures.pop(key, None)
                self.metrics.outcomes.labels("skipped").inc()
        except InputError as error:
            self.failed(key, owner, "object.encrypted", error.message)
        except ClusterError as error:
            if error.status == CONFLICT:
                self.members.suspect(key)
            self.failed(key, owner, f"object.{error.reason or error.status}", error.message)
        except UnavailableError as error:
            self.members.suspect(key)
            self.failed(key, owner, "object.unavailable", error.message)
        finally:
            self.observer.end(key)

    def failed(self, key: ObjectKey, owner: str, code: str, message: str) -> None:
        """Keep why an object is not as wanted."""
        self.failures[key] = ObjectFailure(owner=owner, object=str(key), code=code, message=message)
        self.metrics.outcomes.labels("failed").inc()
