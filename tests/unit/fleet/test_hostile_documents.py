"""Documents made to make checking them slow or large are told soon, with a bounded report."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from reconciler.fleet import load

HEAD = "apiVersion: spinfleet.dev/v1alpha1\nkind: App\nmetadata: {name: shop}\nspec:\n"
DEEP = "".join(f"{' ' * level}{'k' * 900}{level}:\n" for level in range(2, 92)) + "".join(
    f"{' ' * 92}- a\n" for _ in range(2000)
)


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "".join(f"  replica{number}: 1\n" for number in range(40_000)),
        HEAD + "  variables:\n" + "".join(f"    v{number}: 1\n" for number in range(40_000)),
        HEAD + "  replicas: 1\n" * 20_000,
        HEAD + "  monitoring:\n" + DEEP + "  replicas: x\n",
        HEAD + f"  {'x' * 2_000_000}: 1\n",
        HEAD.replace("kind: App", "kind: " + "A" * 2_000_000),
        HEAD.replace("spinfleet.dev", "spinfleet.dev" * 100_000),
        (HEAD + "  replicas: x\n---\n") * 1000,
    ],
    ids=[
        "unknown fields",
        "wrong variables",
        "duplicates",
        "deep long keys",
        "long key",
        "long kind",
        "long group",
        "many documents",
    ],
)
def test_it_is_told_in_time_and_in_few_words(make, text):
    tree = make.tree({**make.files(), "shop/app.yaml": text})
    begun = time.process_time()
    loaded = load(tree)

    assert loaded.problems
    assert all(len(problem.message) <= 2000 for problem in loaded.problems)
    assert time.process_time() - begun < 10, "what explodes takes minutes"


def test_long_pointers_take_little_memory(make):
    tree = make.tree({**make.files(), "shop/app.yaml": HEAD + "  monitoring:\n" + DEEP + "  replicas: x\n"})
    tracemalloc.start()
    loaded = load(tree)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert not loaded.valid
    assert peak < 50 * 1024 * 1024
