"""Built-in kinds: each thing that a server refuses is told at its place. That a server does is tests/cluster/test_objects_judged_alike.py's."""

from __future__ import annotations

import pytest

POD = """
apiVersion: v1
kind: Pod
metadata: {name: tool}
spec:
  containers:
  - name: tool
    image: tool:1
"""


@pytest.mark.parametrize(
    ("line", "pointer", "code", "message", "hint"),
    [
        ("    comand: [x]", "/comand", "unknown-field", "spec.containers[0].comand: unknown field", "did you mean 'command'?"),
        ("    command: x", "/command", "type", 'spec.containers[0].command must be a list, not "x"', ""),
        ("    args: [1]", "/args/0", "type", "spec.containers[0].args[0] must be text, not 1", 'write it in quotes: "…"'),
        ("    stdin: 'yes'", "/stdin", "type", 'spec.containers[0].stdin must be true or false, not "yes"', ""),
        ("    env: {A: b}", "/env", "type", "spec.containers[0].env must be a list, not a mapping", ""),
        ("    env: [{value: x}]", "/env/0", "required", "spec.containers[0].env[0].name is missing", "add it"),
        ("    env: [{name: A, value: 5}]", "/env/0/value", "type", "spec.containers[0].env[0].value must be text, not 5", 'write it in quotes: "…"'),
        ("    env: [{name: A}, {name: A}]", "/env/1", "duplicate-item", 'spec.containers[0].env[1] has the same name: "A" as [0]', "remove or rename one of them"),
        ("    ports: [{containerPort: 80.5}]", "/ports/0/containerPort", "type", "spec.containers[0].ports[0].containerPort must be a whole number, not 80.5", ""),
        ("    ports: [{containerPort: 5000000000}]", "/ports/0/containerPort", "value", "spec.containers[0].ports[0].containerPort is 5000000000, which does not fit in 32 bits", ""),
        ("    imagePullPolicy: always", "/imagePullPolicy", "value", 'spec.containers[0].imagePullPolicy can\'t be "always"', "did you mean 'Always'?"),
        ("    resources: {limits: {cpu: lots}}", "/resources/limits/cpu", "format", 'spec.containers[0].resources.limits.cpu: "lots" is not a quantity', "as in 500m, 2, 1.5, 64Mi or 1Gi"),
        ("    resources: {limits: {cpu: yes}}", "/resources/limits/cpu", "type", "spec.containers[0].resources.limits.cpu must be a quantity, not true", ""),
        ("    livenessProbe: {httpGet: {port: [1]}}", "/livenessProbe/httpGet/port", "type", "spec.containers[0].livenessProbe.httpGet.port must be a whole number or text, not a list", ""),
        ("    volumeMounts: [null]", "/volumeMounts/0", "type", "spec.containers[0].volumeMounts[0] is empty", "remove it"),
    ],
)  # fmt: skip
def test_what_a_server_would_refuse_is_told_at_its_place(judged, line, pointer, code, message, hint):
    found = judged(POD + line)

    assert list(found) == [f"/spec/containers/0{pointer}"]
    [finding] = found.values()
    assert (finding.code, finding.message, finding.hint) == (f"bundle.{code}", message, hint)


@pytest.mark.parametrize(
    "line",
    [
        "    command:", "    env: []", "    resources: {limits: {cpu: 1, memory: 1.5Gi, a: 1e3, b: .5, c: 12E, d: -1}}",
        "    ports: [{containerPort: 53, protocol: UDP}, {containerPort: 53}]", "    livenessProbe: {httpGet: {port: http}}", "    imagePullPolicy: ''",
    ],
)  # fmt: skip
def test_what_a_server_takes_is_right(judged, line):
    assert judged(POD + line) == {}


def test_every_fault_is_told_at_once(judged):
    found = judged(POD + "    comand: [x]\n    stdin: 1\n    env: [{value: 1}]")

    assert len(found) == 4


def test_a_status_is_passed_over(judged):
    assert judged(f"{POD}status: {{anything: [1]}}") == {}


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("2030-01-31T08:00:00Z", True), ("2030-01-31T08:00:00.5+02:00", True), ("2028-02-29T00:00:00Z", True), ("2030-02-29T00:00:00Z", False),
        ("2030-01-31", False), ("2030-01-31 08:00:00Z", False), ("2030-13-01T00:00:00Z", False), ("2030-01-31T24:00:00Z", False), ("", False),
    ],
)  # fmt: skip
def test_times_are_those_of_rfc_3339(judged, text, fine):
    found = judged(
        f"apiVersion: v1\nkind: Event\nmetadata: {{name: a}}\ninvolvedObject: {{}}\nfirstTimestamp: '{text}'"
    )

    assert (found == {}) is fine


def test_a_secret_must_be_base64_and_is_never_repeated(judged):
    found = judged(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: hunter2!, b: 424242, c: aGk=}\nstringData: {d: 535353}"
    )

    assert set(found) == {"/data/a", "/data/b", "/stringData/d"}
    assert not any(
        value in f"{each.message} {each.hint}" for each in found.values() for value in ("hunter2", "424242", "535353")
    )


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (("v1", "ConfigMap"), "a.b-1", "a_b"), (("v1", "Namespace"), "a-1", "a.b"), (("batch/v1", "CronJob"), "a" * 52, "a" * 53),
        (("batch/v1", "Job"), "a" * 63, "a" * 64), (("apps/v1", "StatefulSet"), "a", "a.b"),
    ],
)  # fmt: skip
def test_names_follow_the_rule_of_their_kind(judged, kind, good, bad):
    text = "apiVersion: {}\nkind: {}\nmetadata: {{name: {}}}"

    assert "/metadata/name" not in judged(text.format(*kind, good))
    assert judged(text.format(*kind, bad))["/metadata/name"].code == "bundle.name"


def test_the_name_of_a_service_may_begin_with_a_digit_from_1_36_on(judged):
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: 1a}\nspec: {ports: [{port: 80}]}"

    assert judged(service, "1.36") == {}
    assert judged(service, "1.35")["/metadata/name"].code == "bundle.name"


def test_roles_may_be_called_anything_that_fits_a_path(judged):
    assert judged('apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: "system:A_b"}') == {}


def test_a_question_to_the_server_is_no_object(judged):
    found = judged("apiVersion: authentication.k8s.io/v1\nkind: TokenReview\nmetadata: {name: a}\nspec: {token: x}")

    assert found["/kind"].code == "bundle.unknown-kind"
