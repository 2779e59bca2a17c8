"""A commit read from what differs to the commit before is the commit read whole, whatever stands in its trees."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.git import trees
from reconciler.git.snapshot import Snapshot, TreeCache
from tests.unit.git.conftest import Objects

MODES = st.sampled_from(["100644", "100755", "120000", "160000", "100600", "040000"])
NAMES = st.sampled_from([b"a", b"b", b"b.yaml", b"..", b"\xff", b"a/b", b"a\nb"])
#: A tree: entries of mode, name, and a blob's content or a tree. A name may stand twice, and a folder may be no folder.
TREES = st.recursive(
    st.lists(st.tuples(MODES, NAMES, st.integers(0, 2)), max_size=3),
    lambda below: st.lists(st.tuples(st.just("40000"), NAMES, below), max_size=4),
    max_leaves=8,
)


def written(objects, tree):
    def identity(content):
        return objects.blob(b"%d" % content) if isinstance(content, int) else written(objects, content)

    return objects.tree(*((mode, name, identity(each)) for mode, name, each in tree))


def seen(objects, commit, cache=None):
    try:
        snapshot = Snapshot(objects.path, commit, cache=cache)
    except trees.UnavailableError as error:
        return error.message
    return list(snapshot.files.items()), snapshot.problems


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    return Objects(Path(tmp_path_factory.mktemp("objects")) / "objects.git")


@given(st.lists(TREES, min_size=2, max_size=5), st.sampled_from([3, trees.MAX_FILES]), st.sampled_from([6, 400_000]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_commit_of_a_history_is_read_as_if_it_were_the_first(objects, history, most_files, most_entries):
    cache = TreeCache()
    with patch.multiple(trees, MAX_FILES=most_files, MAX_ENTRIES=most_entries, MAX_DEPTH=2):
        for tree in history:
            commit = objects.commit(written(objects, tree))
            assert seen(objects, commit, cache) == seen(objects, commit)
