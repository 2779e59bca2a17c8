"""Attempts to write or delete single objects, and why the last one of each failed."""

from __future__ import annotations

import logging
from collections.abc import Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from reconciler.agent.logs import about
from reconciler.agent.members import Members
from reconciler.agent.metrics import Metrics
from reconciler.agent.observing import Observer
from reconciler.agent.status import ObjectFailure
from reconciler.cluster.answers import CONFLICT
from reconciler.errors import ClusterError, InputError, UnavailableError
from reconciler.plan.model import ObjectKey
from reconciler.problems import Severity

logger = logging.getLogger(__name__)


class RefusedError(Exception):
    """Why this object is not written; no request could change that. An empty message: there is nothing to be told."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class LeftError(RefusedError):
    """Why this object is left as it is although it differs: asked for, and no failure."""


@dataclass(kw_only=True, slots=True)
class Attempts:
    """One attempt an object at a time: what goes wrong ends as its failure, and stops no other. `left` differ and are only told about."""

    members: Members
    observer: Observer
    metrics: Metrics
    failures: dict[ObjectKey, ObjectFailure] = field(default_factory=dict)
    left: dict[ObjectKey, ObjectFailure] = field(default_factory=dict)

    @contextmanager
    def at(self, key: ObjectKey, owner: str) -> Iterator[None]:
        """Hold back watch events of the object meanwhile, and turn what goes wrong into its failure."""
        with about(app=owner, object=str(key)):
            yield from self._at(key, owner)

    def _at(self, key: ObjectKey, owner: str) -> Iterator[None]:
        self.observer.begin(key)
        try:
            yield
            self.failures.pop(key, None)
            self.left.pop(key, None)
        except LeftError as reason:
            self.failures.pop(key, None)
            left = ObjectFailure(
                owner=owner, object=str(key), code=reason.code, message=reason.message, severity=Severity.WARNING
            )
            if self.left.get(key) != left:
                logger.info("%s: %s", left.code, left.message)
            self.left[key] = left
            self.metrics.outcomes.labels("skipped").inc()
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

    def forget(self, key: ObjectKey, owner: str) -> None:
        """Drop why an owner's object failed: something else is wanted of it now."""
        if key in self.failures and self.failures[key].owner == owner:
            del self.failures[key]

    def forget_left(self, owner: str, wanted: Container[ObjectKey]) -> None:
        """Drop what is told of an owner's objects that nobody wants any more."""
        for key in [key for key, told in self.left.items() if told.owner == owner and key not in wanted]:
            del self.left[key]

    def failed(self, key: ObjectKey, owner: str, code: str, message: str) -> None:
        """Keep why an object is not as wanted."""
        self.left.pop(key, None)
        failure = ObjectFailure(owner=owner, object=str(key), code=code, message=message)
        if self.failures.get(key) != failure:  # tried again and again, and told once
            logger.warning("%s: %s", code, message)
        self.failures[key] = failure
        self.metrics.outcomes.labels("failed").inc()
