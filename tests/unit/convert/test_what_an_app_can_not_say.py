"""What an App has no words for goes unchanged into a Bundle, with the reason; nothing is dropped in silence."""

from __future__ import annotations

import json

import pytest

UNSAYABLE = {
    "a field of tomorrow": {"sidecars": [{"name": "x"}]},
    "a name twice": {"variables": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]},
    "a header twice": {"checks": {"readiness": {"httpGet": {"path": "/", "httpHeaders": [{"name": "a", "value": "1"}] * 2}}}},
    "a port": {"checks": {"readiness": {"httpGet": {"path": "/", "port": 8080}}}},
    "a check without a path": {"checks": {"liveness": {"periodSeconds": 3}}},
    "no registry": {"image": "shop:v1"},
    "a new source of values": {"variables": [{"name": "a", "valueFrom": {"fileKeyRef": {"path": "p", "key": "k", "volumeName": "v"}}}]},
    "no autoscaler": {"enableAutoscaling": True, "replicas": None},
    "a volume of SpinKube's": {"volumes": [{"name": "spin-x", "emptyDir": {}}]},
    "limits above": {"invocationLimits": {"memory": "1Gi"}, "resources": {"limits": {"memory": "1Mi"}}},
}  # fmt: skip


@pytest.mark.parametrize("name", UNSAYABLE)
def test_it_goes_unchanged_into_a_bundle_with_the_reason(make, name):
    given = make.spinapp(**UNSAYABLE[name])
    found = make.converted(given)

    (entry,) = found.entries
    assert entry.became == "bundle"
    assert entry.notes
    assert all(note.message and not note.lost for note in entry.notes)
    if name != "limits above":
        assert make.lost(given, found) == []


def test_its_autoscaler_goes_with_it(make):
    metric = {"type": "External", "external": {"metric": {"name": "q"}, "target": {"type": "Value", "value": "1"}}}
    given = make.spinapp(replicas=None, enableAutoscaling=True)
    autoscaler = make.hpa(metrics=[metric])
    found = make.converted(given, autoscaler)

    assert set(make.became(found).values()) == {"bundle"}
    assert make.lost(given, found) == make.lost(autoscaler, found) == []


def test_of_two_apps_with_one_name_the_second_stays_plain(make):
    other = make.spinapp()
    other["metadata"]["namespace"] = "elsewhere"
    found = make.converted(make.spinapp(), other)

    assert [entry.became for entry in found.entries] == ["app", "bundle"]
    assert make.lost(make.spinapp(), found) == make.lost(other, found) == []


def test_a_finalizer_of_the_users_own_keeps_a_spinapp_in_the_bundle(make):
    given = make.spinapp()
    given["metadata"]["finalizers"] = ["acme.example/billing"]
    found = make.converted(given)

    assert make.became(found) == {"SpinApp": "bundle"}
    assert [note.field for note in found.entries[0].notes] == ["/metadata/finalizers"]
    assert make.lost(given, found) == []


def test_what_the_operator_ignores_is_told_as_lost(make):
    given = make.spinapp(runtimeConfig={"loadFromSecret": "s", "llmCompute": {"type": "spin"}})
    (entry,) = make.converted(given).entries

    assert [note.field for note in entry.notes if note.lost] == ["/spec/runtimeConfig/llmCompute"]


def test_values_of_secrets_are_never_copied(make):
    secret = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "apps"},
        "data": {"runtime-config.toml": "cGxhbnRlZA=="}, "stringData": {"a": "planted"},
    }  # fmt: skip
    found = make.converted(
        make.spinapp(runtimeConfig={"loadFromSecret": "s"}), {"apiVersion": "v1", "kind": "List", "items": [secret]}
    )
    told = json.dumps([entry.to_json() for entry in found.entries]) + json.dumps(dict(found.files))

    assert make.became(found) == {"SpinApp": "app", "Secret": "left"}
    assert "planted" not in told
    assert "cGxhbnRlZA" not in told


def test_what_others_make_again_is_left_to_them(make):
    owner = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "x", "uid": "1", "controller": True}
    made = make.hpa("keda-hpa-x", app="x")
    made["metadata"]["ownerReferences"] = [owner]
    entries = make.converted(make.spinapp(), made).entries

    assert [entry.became for entry in entries] == ["app", "left"]
    assert "ScaledObject x" in entries[1].notes[0].message


def test_what_a_server_and_other_tools_wrote_is_taken_off(make):
    given = make.spinapp()
    given["status"] = {"readyReplicas": 2}
    given["metadata"] |= {
        "uid": "1", "resourceVersion": "2", "managedFields": [], "finalizers": ["core.spinkube.dev/finalizer"],
        "labels": {"kustomize.toolkit.fluxcd.io/name": "apps", "app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "argocd.argoproj.io/tracking-id": "x"},
    }  # fmt: skip
    (entry,) = make.converted(given).entries

    assert not [note for note in entry.notes if note.lost]


def test_without_its_spin_toml_an_app_gets_a_placeholder_that_says_so(make):
    found = make.converted(make.spinapp(components=["cart"], variables=[{"name": "greeting", "value": "x"}]))
    text = found.files["apps/shop/spin.toml"]

    assert text.startswith("# PLACEHOLDER")
    assert "[component.cart]" in text
    assert "greeting = { required = true }" in text
    assert any("placeholder" in note.message for note in found.entries[0].notes)


def test_a_variable_that_looks_secret_is_pointed_at(make):
    notes = make.converted(make.spinapp(variables=[{"name": "api_token", "value": "x"}])).entries[0].notes

    assert any("api_token" in note.message and "secretKeyRef" in note.message for note in notes)


@pytest.mark.parametrize(
    "document", ["text", [1], {"kind": "SpinApp"}, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}, 7]
)
def test_what_is_no_object_is_told(make, document):
    entries = make.converted(make.spinapp(), document).entries

    assert [entry.became for entry in entries] == ["app", "left"]
    assert entries[1].notes[0].message


@pytest.mark.parametrize(
    "key",
    [
        {"kind": "../../../etc/x"},
        {"metadata": {"name": "../../x", "namespace": "apps"}},
        {"metadata": {"name": "x", "namespace": "../../.."}},
        {"metadata": {"name": "..", "namespace": ".."}, "kind": ".."},
    ],
)
def test_no_name_leads_out_of_the_folder(make, key):
    strange = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "apps"}, **key}
    files = make.converted(make.spinapp(), strange, make.spinapp("../evil")).files

    assert not [path for path in files if ".." in path.split("/") or path.startswith("/")]


def test_documents_of_spinfleet_itself_are_left(make):
    own = {"apiVersion": "spinfleet.dev/v1alpha1", "kind": "FleetSync", "metadata": {"name": "fleet"}, "spec": {}}

    assert make.became(make.converted(make.spinapp(), own))["FleetSync"] == "left"
