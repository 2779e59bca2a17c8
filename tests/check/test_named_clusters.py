"""Where clusters are named, these are compared and no others."""

from __future__ import annotations

import pytest

from reconciler.check.pull_request import check_change
from reconciler.errors import InputError
from tests.check.conftest import Commit, files


def test_only_the_clusters_that_are_named_are_compared() -> None:
    base = files()
    head = {path: text.replace("replicas: 2", "replicas: 3") for path, text in base.items()}
    every = check_change(Commit(base), Commit(head))
    changed = sorted(name for group in every.clusters for name in group.clusters)
    assert len(changed) > 1
    only = check_change(Commit(base), Commit(head), only=changed[:1])
    assert [group.clusters for group in only.clusters] == [(changed[0],)]
    assert (only.unchanged, only.problems) == ((), every.problems)


def test_a_name_that_neither_commit_has_is_refused_with_the_nearest() -> None:
    base = files()
    with pytest.raises(InputError) as caught:
        check_change(Commit(base), Commit({**base, "README.md": "x"}), only=["staginf"])
    assert "'staginf'" in caught.value.message
    assert caught.value.hint
