"""Whatever SpinApps there are, the fleet that they become renders each of them back: as an App, or unchanged from its Bundle."""

from __future__ import annotations

import copy

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.convert.objects import take
from reconciler.plan.model import key_of
from tests.unit.convert.conftest import converted, hpa, lost, spinapp

NAME = st.sampled_from(["a", "y", "no", "cart", "shop-2", "x1", "on", "data"])
TEXT = st.sampled_from(
    [
        "",
        "x",
        "yes",
        "010",
        "1e3",
        "${cluster.name}",
        "$${",
        "a: b",
        " # no",
        "l1\nl2\n",
        "\ttab",
        "ß☃",
        "'\"",
        "null",
        "-",
    ]
)
KEY = st.sampled_from(["a", "y", "b.c", "acme.dev/x", "on"])
LABEL = st.sampled_from(["", "x", "true", "1", "a.b_c"])
QUANTITY = st.sampled_from(["50m", "100m", "1", "64Mi", "128Mi", "1Gi", 1, 2])
REF = st.fixed_dictionaries(
    {"name": NAME, "key": st.sampled_from(["k", "token.txt"])}, optional={"optional": st.booleans()}
)
SOURCE = st.one_of(
    st.fixed_dictionaries({"secretKeyRef": REF}),
    st.fixed_dictionaries({"configMapKeyRef": REF}),
    st.fixed_dictionaries(
        {"fieldRef": st.fixed_dictionaries({"fieldPath": st.sampled_from(["metadata.name", "status.podIP"])})}
    ),
    st.fixed_dictionaries(
        {
            "resourceFieldRef": st.fixed_dictionaries(
                {"resource": st.just("limits.cpu")}, optional={"divisor": st.just("1m")}
            )
        }
    ),
)
VALUE = st.one_of(st.fixed_dictionaries({"value": TEXT}), st.fixed_dictionaries({"valueFrom": SOURCE}), st.just({}))


def named(values, keys=NAME):
    """Lists of named things, some with one name twice."""
    entry = st.tuples(keys, values).map(lambda pair: {"name": pair[0], **pair[1]})
    return st.lists(entry, max_size=4)


METADATA = st.fixed_dictionaries(
    {},
    optional={
        "labels": st.dictionaries(KEY, LABEL, max_size=2),
        "annotations": st.dictionaries(KEY, TEXT, max_size=2),
        "finalizers": st.just(["acme.dev/kept"]),
    },
)
PROBE = st.fixed_dictionaries(
    {
        "httpGet": st.fixed_dictionaries(
            {"path": st.sampled_from(["/", "/healthz", "/a/b"])},
            optional={"httpHeaders": named(st.fixed_dictionaries({"value": TEXT}), st.sampled_from(["A", "B", "X-C"]))},
        )
    },
    optional={
        name: st.integers(1, 30)
        for name in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "failureThreshold")
    },
)
OPTION = st.one_of(
    st.fixed_dictionaries({"value": TEXT}),
    st.fixed_dictionaries({"valueFrom": st.fixed_dictionaries({"secretKeyRef": REF})}),
)
STORE = st.fixed_dictionaries(
    {"type": st.sampled_from(["redis", "spin", "libsql"])}, optional={"options": named(OPTION)}
)
CONFIG = st.one_of(
    st.fixed_dictionaries({"loadFromSecret": NAME}),
    st.fixed_dictionaries(
        {}, optional={"keyValueStores": named(STORE), "sqliteDatabases": named(STORE), "llmCompute": STORE}
    ),
)
STRINGS = st.dictionaries(KEY, TEXT, max_size=3)
RESOURCES = st.fixed_dictionaries(
    {},
    optional={part: st.dictionaries(st.sampled_from(["cpu", "memory"]), QUANTITY) for part in ("limits", "requests")},
)
SPEC = st.fixed_dictionaries(
    {"executor": st.sampled_from(["containerd-shim-spin", "other"]), "replicas": st.integers(0, 5)},
    optional={
        "image": st.sampled_from(["ghcr.io/acme/a:v1", "shop", "host:5000/x/y@sha256:" + "b" * 64, "ghcr.io/A/b:v1"]),
        "variables": named(VALUE, st.sampled_from(["a", "y", "api_url", "n", "token"])),
        "checks": st.fixed_dictionaries({}, optional={"readiness": PROBE, "liveness": PROBE}),
        "runtimeConfig": CONFIG,
        "resources": RESOURCES,
        "imagePullSecrets": st.lists(st.fixed_dictionaries({"name": NAME}), max_size=2),
        "podLabels": st.dictionaries(KEY, LABEL, max_size=2),
        "podAnnotations": STRINGS,
        "deploymentAnnotations": STRINGS,
        "serviceAnnotations": STRINGS,
        "serviceAccountName": NAME,
        "components": st.lists(NAME, max_size=2, unique=True),
        "invocationLimits": st.fixed_dictionaries({"memory": QUANTITY}),
        "volumes": st.lists(st.fixed_dictionaries({"name": NAME, "emptyDir": st.just({})}), max_size=2),
        "enableAutoscaling": st.booleans(),
        "unknownField": st.just({"a": [1]}),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(NAME, SPEC, min_size=1, max_size=3), st.booleans(), METADATA)
def test_every_spinapp_is_rendered_back(specs, scaled, metadata):
    given_objects = [spinapp(name, **spec) for name, spec in specs.items()]
    if scaled:
        given_objects.append(hpa(f"{next(iter(specs))}-autoscaler", next(iter(specs))))
    for obj in given_objects:
        obj["metadata"] |= copy.deepcopy(metadata)
    found = converted(*given_objects)

    for obj in given_objects:
        key = str(key_of(next(iter(take([copy.deepcopy(obj)]).objects.values()))))
        entry = next(each for each in found.entries if each.object == key)
        if entry.became == "app":
            assert {note.message for note in entry.notes if note.lost} <= {"SpinKube ignores it beside loadFromSecret"}
            assert lost(obj, found) == []
        elif not found.problems:
            assert lost(obj, found) == []
        if entry.became == "bundle":
            assert entry.notes or obj["kind"] == "HorizontalPodAutoscaler"
