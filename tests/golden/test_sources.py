"""Every object of every golden fleet can be traced to a line of a file of that fleet, by what stands there."""

from __future__ import annotations

from typing import Any

from reconciler.fleet import assign, load
from reconciler.git.worktree import WorkTree
from reconciler.plan.model import key_of
from reconciler.render import render
from reconciler.render.sources import sources


def test_every_object_is_traced_to_a_line_of_the_fleet(case: Any) -> None:
    tree = WorkTree(case.folder)
    fleet = load(tree).fleet
    assert fleet is not None
    assignment = assign(fleet, case.cluster)
    rendered = render(assignment)
    found = sources(assignment, rendered)
    assert set(found) == {key_of(obj) for each in rendered.values() for obj in each.objects}
    for key, source in found.items():
        lines = tree.read(source.path).decode().splitlines()
        assert source.line is not None, key
        assert lines[source.line - 1].strip(), key
        field = source.pointer.rpartition("/")[2]
        if field and not field.isdecimal():
            assert field in lines[source.line - 1], (key, source)
