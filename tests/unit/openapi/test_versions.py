"""What is right depends on the Kubernetes version of the cluster."""

from __future__ import annotations

import json

from reconciler import data
from reconciler.openapi.judge import Api, judge
from reconciler.openapi.kinds import Kind, catalogue, versions
from reconciler.problems import Severity
from reconciler.render.bundle import CLUSTER_SCOPED

CRON = "apiVersion: batch/v1beta1\nkind: CronJob\nmetadata: {name: a}\n"
FLOW = "apiVersion: flowcontrol.apiserver.k8s.io/v1beta3\nkind: FlowSchema\nmetadata: {name: a}\nspec: {priorityLevelConfiguration: {name: a}}\n"
POLICY = "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingAdmissionPolicy\nmetadata: {name: a}\n"


def only(found):
    [finding] = found.values()
    return finding


def test_a_kind_that_went_long_ago_is_told_with_what_to_write(judged):
    finding = only(judged(CRON))

    assert finding.code == "bundle.removed-kind"
    assert finding.message == "CronJob of batch/v1beta1 went with Kubernetes 1.25"
    assert finding.hint == "write apiVersion: batch/v1"


def test_a_kind_is_refused_from_the_version_that_dropped_it(judged):
    assert judged(FLOW, "1.31") == {}
    assert (
        only(judged(FLOW, "1.32")).message
        == "FlowSchema of flowcontrol.apiserver.k8s.io/v1beta3 went with Kubernetes 1.32"
    )


def test_a_kind_is_refused_before_the_version_that_brought_it(judged):
    assert "comes with Kubernetes 1.36" in only(judged(POLICY, "1.35")).message


def test_a_misspelt_kind_is_told_with_the_one_meant(judged):
    assert (
        only(judged("apiVersion: apps/v1\nkind: Deploymnt\nmetadata: {name: a}")).hint == "did you mean 'Deployment'?"
    )


def test_a_kind_of_another_group_is_told_with_its_group(judged):
    assert (
        only(judged("apiVersion: apps/v1\nkind: Ingress\nmetadata: {name: a}")).hint
        == "write apiVersion: networking.k8s.io/v1"
    )


def test_a_field_is_unknown_before_the_version_that_brought_it(judged):
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostnameOverride: a, containers: [{name: a, image: a}]}"
    )

    assert judged(pod, "1.34") == {}
    assert only(judged(pod, "1.33")).code == "bundle.unknown-field"
    assert only(judged(pod, "1.33")).hint == "it comes with Kubernetes 1.34, and this is for 1.33"


def test_without_a_version_what_any_takes_is_at_most_a_warning(judged):
    finding = only(judged(FLOW, None))

    assert finding.severity is Severity.WARNING
    assert "this is fine with Kubernetes 1.31" in finding.message
    assert finding.hint == "say which version the cluster has in its spec.kubernetes"


def test_without_a_version_what_none_takes_is_an_error(judged):
    assert only(judged(CRON, None)).severity is Severity.ERROR


def test_of_a_newer_version_only_what_may_have_changed_is_let_pass(judged):
    pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {newField: 1, hostNetwork: maybe, containers: [{name: a, image: a}]}"
    found = judged(pod, "1.99")

    assert found["/spec/newField"].severity is Severity.WARNING
    assert "Kubernetes 1.99 is not known here: held against 1.37" in found["/spec/newField"].message
    assert found["/spec/hostNetwork"].severity is Severity.ERROR


def test_an_older_version_is_held_against_the_oldest_known(judged):
    finding = only(judged(CRON, "1.24"))

    assert finding.severity is Severity.WARNING
    assert "held against 1.30" in finding.message


def test_a_beta_version_of_the_api_is_a_warning_unless_it_is_listed(judged):
    text = "apiVersion: resource.k8s.io/v1beta1\nkind: DeviceClass\nmetadata: {name: a}\nspec: {}"

    assert only(judged(text)).code == "bundle.preview-kind"
    assert judged(text, trusted=frozenset({"resource.k8s.io"})) == {}


def test_every_supported_version_takes_the_settled_kinds_it_has(samples):
    for version in versions():
        known = catalogue(version)
        for obj in samples:
            kind = known.find(obj["apiVersion"], obj["kind"])
            assert kind is not None
            if isinstance(kind, Kind):
                codes = {each.code for each in judge(obj, Api(kubernetes=version)) if each.severity is Severity.ERROR}
                # What came later may be used by an object of an older kind.
                assert codes <= {"bundle.unknown-field"}, (version, obj["kind"], obj["metadata"]["name"])


def test_the_newest_version_takes_every_sample(samples):
    assert [each for obj in samples for each in judge(obj, Api(kubernetes=versions()[-1]))] == []


def test_the_shipped_schemas_stay_small():
    assert (data.folder("schemas") / "kubernetes.json").stat().st_size < 400_000
    assert len(versions()) >= 6


def test_rendering_knows_the_scope_of_every_built_in_kind():
    document = json.loads((data.folder("schemas") / "kubernetes.json").read_text())
    newest = len(document["versions"]) - 1
    scopes = {
        (version.rpartition("/")[0], kind): part[1]
        for version, kinds in document["kinds"].items()
        for kind, runs in kinds.items()
        for _, last, part in runs
        if last == newest and "alpha" not in version and "beta" not in version and part[2]
    }
    unknown = {key for key, scope in scopes.items() if (scope == "Cluster") != (key in CLUSTER_SCOPED)}

    assert unknown == set()
