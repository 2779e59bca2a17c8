"""Which golden case shows which rule of rendering: README.md, renewed with SPINFLEET_UPDATE_GOLDEN=1, and what must be in the case for it.

A rule is shown by texts that must stand, in this order, in what is expected of a cluster (`case/cluster`) or told of it (`case/cluster!`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler import data
from tests.rendering_page import become_nothing

HERE = Path(__file__).parent
#: Topic, rule, where it is shown, and the texts.
RULES = [
    ("SpinApp", "every field, an image by its digest", "every-field/eu", ["kind: SpinApp", "executor:", "image: ghcr.io/acme/checkout@sha256:", "replicas: 3", "invocationLimits:"]),
    ("SpinApp", "what an override changes on one cluster", "every-field/lab", ["kind: SpinApp", "replicas: 1"]),
    ("SpinApp", "values: plain, of a Secret, a ConfigMap, a field and a resource of the pod", "every-field/eu", ["secretKeyRef:", "value: https://api.eu.acme.example", "resourceFieldRef:", "fieldRef:", "configMapKeyRef:"]),
    ("SpinApp", "a readiness check by default for HTTP apps", "around/eu", ["readiness:", "path: /.well-known/spin/health"]),
    ("SpinApp", "what SpinKube's webhooks refuse is refused at its line", "refused/eu!", ["[app.executor] executor 'dense' creates no Deployment", "[app.invocation-limits]", "[app.replicas]"]),
    ("Runtime configuration", "stores, databases and models as fields", "every-field/eu", ["runtimeConfig:", "keyValueStores:", "sqliteDatabases:", "llmCompute:"]),
    ("Runtime configuration", "what a SpinApp can't say, as a Secret with TOML", "runtime-config/eu", ["runtime-config.toml: |", "[[variables_provider]]", "loadFromSecret: toml-runtime-config-"]),
    ("Runtime configuration", "options that are true, false or numbers, and settings", "settings/eu", ["runtime-config.toml: |", "max_instance_memory = 67108864", "connection_pooling = false", "[[client_tls]]"]),
    ("Runtime configuration", "a Secret of one's own", "runtime-config/eu", ["loadFromSecret: own-config"]),
    ("Runtime configuration", "such options beside a value that only the cluster knows", "refused/eu!", ["[render.runtime-config] this value comes from the cluster"]),
    ("Runtime configuration", "types and options that Spin does not know", "settings/eu!", ["has no option 'addr'", "no key value store of type 'memcached'"]),
    ("What rolls pods", "an annotation that changes with what a Bundle brings", "inputs/eu", ["kind: SpinApp", "podAnnotations:", "spinfleet.dev/inputs:"]),
    ("What rolls pods", "an executor without a Deployment: no annotation, and a warning", "inputs/eu!", ["[render.no-rollout] executor 'cyclotron' creates no Deployment"]),
    ("Executors", "one in each namespace that needs it, several on a cluster", "executors/eu", ["kind: SpinAppExecutor", "name: arm", "kind: SpinAppExecutor", "name: containerd-shim-spin"]),
    ("Executors", "without Deployments", "runtimes/eu", ["kind: SpinAppExecutor", "name: cyclotron", "createDeployment: false"]),
    ("Executors", "an image in place of a RuntimeClass, and authorities", "runtimes/eu", ["caCertSecret: our-authorities"]),
    ("Executors", "OpenTelemetry, as a cluster says it", "runtimes/eu", ["otel:", "exporter_otlp_endpoint: http://otel.observability.svc:4318"]),
    ("Executors", "node selectors and tolerations through a RuntimeClass", "runtimes/eu", ["kind: RuntimeClass", "handler: spin-v2", "scheduling:", "nodeSelector:", "tolerations:"]),
    ("Executors", "a Shim for runtime-class-manager where the cluster has that", "runtimes/eu", ["kind: Shim", "name: spin-v2", "sha256:", "handler: spin-v2"]),
    ("Executors", "a handler that the Shim does not install", "refused/eu!", ["RuntimeClass 'wasmtime-spin-v2-unhandled' has handler 'spin', and Shim 'spin-v2'"]),
    ("Executors", "an executor that nobody has", "refused/eu!", ["there is no executor 'nobody'"]),
    ("Autoscaling", "a HorizontalPodAutoscaler by cpu and memory, with behavior; no replicas", "autoscaling/eu", ["enableAutoscaling: true", "kind: HorizontalPodAutoscaler", "name: cpu", "name: memory", "behavior:"]),
    ("Autoscaling", "replicas on the cluster that says so", "autoscaling/lab", ["name: busy", "replicas: 1"]),
    ("Autoscaling", "a ScaledObject: cpu, memory, cron, redis, sqs, prometheus, down to zero", "autoscaling/eu", ["kind: ScaledObject", "minReplicaCount: 0", "type: cpu", "type: memory", "type: cron", "type: redis", "type: aws-sqs-queue", "type: prometheus"]),
    ("Autoscaling", "TriggerAuthentications", "autoscaling/eu", ["kind: TriggerAuthentication", "podIdentity:", "kind: TriggerAuthentication", "secretTargetRef:"]),
    ("Autoscaling", "to zero by requests: HTTPScaledObject, traffic through its interceptor", "autoscaling/eu", ["kind: Service", "name: sleepy-interceptor", "kind: HTTPScaledObject"]),
    ("Autoscaling", "zero without a trigger that reaches it; no request to measure by; replicas beside it", "refused/eu!", ["cpu and memory triggers never scale to zero", "replicas can't be set with autoscaling", "an HPA can't scale to zero", "there is none"]),
    ("Autoscaling", "a trigger without what its type needs", "refused/eu!", ["a trigger of type redis needs 'listName'"]),
    ("Routes", "an Ingress of nginx with TLS, one of Traefik, one of Contour", "routes/eu", ["ingressClassName: contour", "ingressClassName: nginx", "tls:", "ingressClassName: traefik"]),
    ("Routes", "paths from the manifest: Exact, Prefix, nothing of private ones", "routes/eu", ["path: /users\n        pathType: Exact", "path: /users\n        pathType: Prefix", "path: /items\n        pathType: Prefix", "path: /files\n        pathType: Prefix"]),
    ("Routes", "an HTTPRoute: gateway and section, no rewrite", "routes/eu", ["kind: HTTPRoute", "sectionName: https", "type: PathPrefix"]),
    ("Routes", "TLS belongs to the Gateway's listener", "refused/eu!", ["a route goes through a gateway or an Ingress, not both"]),
    ("Routes", "a host and path of two apps, with both places", "refused/eu!", ["apps/second/app.yaml:6:13: error [render.route-clash]", "(apps/first/app.yaml:1)"]),
    ("Routes", "no http trigger; no component that answers", "refused/eu!", ["routes lead to an http trigger", "no retained component answers under /b"]),
    ("Routes", "a public /.well-known/spin", "routes/eu!", ["[render.public-well-known]"]),
    ("Network", "no NetworkPolicy by default; rules passed through", "network/eu", ["kind: NetworkPolicy", "name: walled", "kubernetes.io/metadata.name: ingress-nginx"]),
    ("Network", "hosts, trigger addresses, the executor's OTLP and DNS as addresses", "network/eu", ["name: listener", "port: 53", "cidr: 192.0.2.40/32", "cidr: 192.0.2.80/32"]),
    ("Network", "Services of the fleet as selectors, as a cluster's patch has them", "network/lab", ["podSelector:", "app: orders-lab"]),
    ("Network", "what can't be said opens its port, with the host named", "network/eu!", ["'http://*.example.org' (a wildcard)", "'https://{{ hidden }}'", "'redis://cache.data.svc.cluster.local:6379'"]),
    ("Network", "or is refused", "refused/eu!", ["[render.network] a NetworkPolicy can't say 'https://api.example.com'"]),
    ("Other objects", "PodDisruptionBudget, PodMonitor, ServiceAccount for EKS", "around/eu", ["kind: PodDisruptionBudget", "kind: PodMonitor", "kind: ServiceAccount", "eks.amazonaws.com/role-arn"]),
    ("Other objects", "neither where an override takes them away", "around/lab", ["kind: SpinApp"]),
    ("Other objects", "workload identity of AKS and GKE, image pull secrets", "around/eu", ["azure.workload.identity/use: 'true'", "iam.gke.io/gcp-service-account"]),
    ("Other objects", "labels of a Namespace", "runtimes/eu", ["kind: Namespace", "pod-security.kubernetes.io/enforce: baseline"]),
    ("Other objects", "one account wanted in two ways", "refused/eu!", ["[render.account-clash]"]),
    ("Jobs", "a Job: parallelism and completions", "jobs/eu", ["kind: Job", "parallelism: 4", "completions: 100"]),
    ("Jobs", "a CronJob: ttl and deadline", "jobs/eu", ["kind: CronJob", "schedule: 0 3 * * *", "ttlSecondsAfterFinished: 3600", "activeDeadlineSeconds: 1800"]),
    ("Jobs", "what never ends, or would run again", "refused/eu!", ["would be made and run again", "trigger type http never ends"]),
    ("Bundles", "passed through, with a default namespace; a Namespace keeps its name", "bundles/eu", ["kind: Namespace\nmetadata:\n  name: web", "kind: ConfigMap", "namespace: other", "kind: ClusterRole", "kind: Deployment", "namespace: web"]),
    ("Bundles", "patches for one cluster", "bundles/lab", ["domain: lab.acme.example", "kind: Deployment", "replicas: 1"]),
    ("Secrets in Git", "marks in place of encrypted values; a values file named by its blob", "encrypted/eu", ["name: shop-values-", "<encrypted ", "kind: SpinApp", "name: shop-values-"]),
    ("Secrets in Git", "a Secret in plain", "bundles/eu!", ["[render.plain-secret]"]),
    ("Labels", "recommended labels, file, version, digest, capabilities", "network/eu", ["app.kubernetes.io/name:", "app.kubernetes.io/instance:", "app.kubernetes.io/managed-by: spinfleet", "app.kubernetes.io/part-of:", "app.kubernetes.io/version:", "spinfleet.dev/source:", "spinfleet.dev/version:", "spinfleet.dev/artifact-digest: sha256:", "spinfleet.dev/capabilities:"]),
    ("Labels", "one's own beside them", "every-field/eu", ["app.kubernetes.io/part-of: webshop", "example.com/team: shop", "example.com/runbook:"]),
]  # fmt: skip
ABSENT = [
    ("around/lab", "kind: PodDisruptionBudget"), ("around/lab", "kind: PodMonitor"), ("autoscaling/lab", "kind: HorizontalPodAutoscaler"),
    ("runtimes/lab", "kind: Shim"), ("executors/eu", "kind: NetworkPolicy"), ("refused/eu", "name: walled"),
]  # fmt: skip


def _text(place: str) -> str:
    suffix = ".problems.txt" if place.endswith("!") else ".yaml"
    return (HERE / f"{place.rstrip('!')}{suffix}").read_text(encoding="utf-8")


@pytest.mark.parametrize(("topic", "rule", "place", "texts"), RULES, ids=[f"{each[0]}-{each[1]}" for each in RULES])
def test_a_case_shows_the_rule(topic: str, rule: str, place: str, texts: list[str]) -> None:
    expected, at = _text(place), 0
    for text in texts:
        found = expected.find(text, at)
        assert found >= 0, f"{place} does not show {topic}, {rule}: {text!r} is missing"
        at = found + len(text)


@pytest.mark.parametrize(("place", "text"), ABSENT)
def test_a_case_does_not_have_what_its_cluster_is_not_to_get(place: str, text: str) -> None:
    assert text not in _text(place)


def _readme() -> str:
    lines = [
        "# Golden cases\n",
        "A folder each: `fleet/` is read, `CLUSTER.yaml` is what a cluster is expected to get, `CLUSTER.problems.txt` what is told of it. Two",
        "clusters each. `fleet-example` is the example that ships. Each object is also held against the schemas of every Kubernetes",
        "version, SpinKube's own definitions and webhooks, and applied with a dry run on a real API server (`tests/cluster`).",
        "`SPINFLEET_UPDATE_GOLDEN=1 .venv/bin/pytest tests/golden` renews them and this page.\n",
        "| topic | rule | shown by |",
        "|---|---|---|",
    ]
    rows = [
        f"| {topic} | {rule} | {place.rstrip('!')}{', what is told' if place.endswith('!') else ''} |"
        for topic, rule, place, _ in RULES
    ]
    return "\n".join([*lines, *rows]) + "\n"


def test_the_page_lists_what_is_held_here() -> None:
    path = HERE / "README.md"
    if os.environ.get("SPINFLEET_UPDATE_GOLDEN"):
        path.write_text(_readme(), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == _readme()


def _documents(pattern: str, kind: str) -> list[Any]:
    paths = [*HERE.glob(pattern), *(data.folder("fleet-example").rglob("*.yaml") if "fleet/" in pattern else ())]
    found = [each for path in sorted(paths) for each in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
    return [each for each in found if isinstance(each, dict) and each.get("kind") == kind]


def _paths(value: Any, at: str = "") -> set[str]:
    """Give the paths of fields in a value; places in lists don't count."""
    if isinstance(value, list):
        return {path for each in value for path in _paths(each, at)}
    if not isinstance(value, dict):
        return set()
    return {path for name, each in value.items() for path in (f"{at}.{name}", *_paths(each, f"{at}.{name}"))}


def test_every_field_of_a_spinapp_is_in_some_expected_object() -> None:
    """Fields that are core/v1's are followed no further than to their names."""
    (definition,) = [each for each in data.definitions() if each["spec"]["names"]["kind"] == "SpinApp"]
    properties = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    found = {path for app in _documents("*/*.yaml", "SpinApp") for path in _paths(app["spec"])}
    wanted = {f".{name}" for name in properties}
    wanted |= {
        f".{name}.{below}"
        for name in ("checks", "runtimeConfig", "resources")
        for below in properties[name]["properties"]
    }
    assert wanted - found == set()


def test_every_field_of_an_app_is_in_some_fleet() -> None:
    fields = set(data.schema("app")["$defs"]["fields"]["properties"])
    apps = _documents("*/fleet/**/*.yaml", "App")
    assert fields - {name for app in apps for name in app["spec"]} <= become_nothing()
    executors = {
        name
        for kind in ("Fleet", "Cluster")
        for each in _documents("*/fleet/**/*.yaml", kind)
        for entry in (each["spec"].get("executors") or {}).values()
        for name in entry
    }
    assert set(data.schema("common")["$defs"]["executor"]["properties"]) - executors == set()
