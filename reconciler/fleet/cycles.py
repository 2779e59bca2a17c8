"""Dependencies that lead back to where they began, in time linear in their number (Tarjan, 1972)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def cycles(graph: Mapping[str, Sequence[str]]) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """Give each set of names that depend on themselves, with a shortest way from the first of them back to it.

    Names that nothing in the graph is written for are passed over.
    """
    found = []
    for component in _components(graph):
        names = frozenset(component)
        first = min(component)
        if len(component) > 1 or first in graph[first]:
            found.append((tuple(sorted(component)), _way_back(first, graph, names)))
    return tuple(sorted(found))


def _components(graph: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Give the strongly connected components. The recursion of the textbook is a stack here: chains may be long."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_names: list[str] = []
    is_open: set[str] = set()
    found: list[list[str]] = []
    for root in graph:
        work = [(root, iter(graph[root]))] if root not in number else []
        while work:
            name, following = work[-1]
            if name not in number:
                number[name] = lowest[name] = len(number)
                open_names.append(name)
                is_open.add(name)
            step = next((each for each in following if each in graph and (each not in number or each in is_open)), None)
            if step is None:
                work.pop()
                if work:
                    lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[name])
                if lowest[name] == number[name]:
                    found.append(_closed(name, open_names, is_open))
            elif step not in number:
                work.append((step, iter(graph[step])))
            else:
                lowest[name] = min(lowest[name], number[step])
    return found


def _closed(name: str, open_names: list[str], is_open: set[str]) -> list[str]:
    component = []
    while True:
        last = open_names.pop()
        is_open.discard(last)
        component.append(last)
        if last == name:
            return component


def _way_back(start: str, graph: Mapping[str, Sequence[str]], names: frozenset[str]) -> tuple[str, ...]:
    """Give the shortest way from a name to itself inside its component."""
    came: dict[str, str] = {}
    level = [start]
    while level:
        following = []
        for name in level:
            for each in graph[name]:
                if each == start:
                    way = [name]
                    while way[-1] != start:
                        way.append(came[way[-1]])
                    return (*reversed(way), start)
                if each in names and each not in came:
                    came[each] = name
                    following.append(each)
        level = following
    return ()
