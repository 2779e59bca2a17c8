"""How long it takes to validate a large fleet, cold and after one file changed; `python -m bench.validate`.

    python -m bench.validate [--apps 5000] [--clusters 200] [--changes 20] [--keep FOLDER]

Makes a fleet in a Git repository: apps with overrides, routes, variables and stores, a spin.toml each, one bundle of two objects for
every ten apps; clusters of four environments, ten regions and three versions of Spin. Then, in a fresh process on one core, checks a
commit in full, and again after commits that change one file each. Prints one JSON object; seconds and bytes; `cpu` is processor time, which
other work on the machine moves less.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEAD = "apiVersion: spinfleet.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}{more}}}\nspec:\n{spec}"
FLEET = """  defaults: {namespace: apps, executor: containerd-shim-spin, replicas: 2}
  artifacts: {registries: [ghcr.io/acme]}
"""
CLUSTER = """  spin: "{spin}"
  kubernetes: "1.36"
  capabilities: [keda, gateway-api, prometheus-operator]
  variables: {{domain: {name}.acme.example, tier: {env}}}
"""
APP = """  artifact: ghcr.io/acme/{name}@sha256:{number:064x}
  namespace: team-{team}
  placement: {{clusters: {{matchLabels: {{env: {env}}}}}}}
  replicas: {replicas}
  resources: {{requests: {{cpu: 50m, memory: 64Mi}}, limits: {{cpu: "1", memory: 1Gi}}}}
  variables: {{api_url: {{value: "https://api.${{cluster.domain}}"}}, api_token: {{secretKeyRef: {{name: {name}, key: token}}}}}}
  runtimeConfig: {{keyValueStores: {{default: {{type: redis, options: {{url: {{secretKeyRef: {{name: {name}, key: url}}}}}}}}}}}}
  routes: [{{host: "{name}.${{cluster.domain}}", path: /, ingressClass: nginx}}]
  overrides:
  - clusters: {{matchLabels: {{region: r{region}}}}}
    spec: {{replicas: 5}}
"""
SPIN = """spin_manifest_version = 2

[application]
name = "{name}"
version = "1.0.{number}"

[variables]
api_url = {{ required = true }}
api_token = {{ required = true, secret = true }}

[[trigger.http]]
route = "/..."
component = "web"

[[trigger.http]]
route = "/api/..."
component = "api"

[component.web]
source = "web.wasm"
files = ["assets/**/*"]

[component.api]
source = "api.wasm"
allowed_outbound_hosts = ["https://api.example.com", "redis://cache:6379"]
key_value_stores = ["default"]

[component.api.variables]
url = "{{{{ api_url }}}}"
token = "{{{{ api_token }}}}"
"""
OBJECTS = """apiVersion: v1
kind: ConfigMap
metadata: {{name: settings-{number}, namespace: team-{team}}}
data: {{level: info}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: cache-{number}, namespace: team-{team}}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: cache-{number}}}}}
  template:
    metadata: {{labels: {{app: cache-{number}}}}}
    spec:
      containers:
      - name: cache
        image: docker.io/library/redis:7
        ports: [{{containerPort: 6379}}]
        resources: {{limits: {{memory: 64Mi}}}}
"""
ENVIRONMENTS = ("dev", "test", "staging", "prod")


def write_fleet(folder: Path, apps: int, clusters: int) -> None:
    """Write the files of a fleet."""
    _write(folder / "fleet.yaml", HEAD.format(kind="Fleet", name="acme", more="", spec=FLEET))
    for number in range(clusters):
        name, env = f"c{number:03d}", ENVIRONMENTS[number % 4]
        spec = CLUSTER.format(name=name, env=env, spin=("3.5", "3.6", "3.4")[number % 3])
        more = f", labels: {{env: {env}, region: r{number // 4 % 10}}}"
        _write(folder / "clusters" / f"{name}.yaml", HEAD.format(kind="Cluster", name=name, more=more, spec=spec))
    for number in range(apps):
        write_app(folder, number, 3)
    for number in range(apps // 10):
        spec = "  path: manifests\n"
        below = folder / "bundles" / f"b{number:04d}"
        _write(below / "bundle.yaml", HEAD.format(kind="Bundle", name=f"bundle-{number:04d}", more="", spec=spec))
        _write(below / "manifests" / "objects.yaml", OBJECTS.format(number=number, team=number % 50))


def write_app(folder: Path, number: int, replicas: int) -> Path:
    """Write one app; gives its document."""
    name = f"app-{number:05d}"
    spec = APP.format(
        name=name, number=number, team=number % 50, env=ENVIRONMENTS[number % 4], replicas=replicas, region=number % 10
    )
    path = folder / "apps" / name / "app.yaml"
    _write(path, HEAD.format(kind="App", name=name, more="", spec=spec))
    _write(path.parent / "spin.toml", SPIN.format(name=name, number=number))
    return path


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def measure(folder: Path, commits: list[str]) -> dict[str, object]:
    """Check the first commit in full and the others after it. Runs in a process of its own, so that memory is its own."""
    from reconciler.check.fleet import FleetCheck
    from reconciler.git.snapshot import Snapshot, TreeCache

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    checker, trees = FleetCheck(), TreeCache()
    steps, reads, cpu = [], [], []
    for commit in commits:
        begun = time.perf_counter()
        tree = Snapshot(folder, commit, cache=trees)
        read, busy = time.perf_counter(), time.process_time()
        report = checker.check(tree)
        steps.append(time.perf_counter() - read)
        cpu.append(time.process_time() - busy)
        reads.append(read - begun)
        assert report.valid, report.problems[:3]
    changes = steps[1:] or [0.0]
    return {
        "cold_seconds": round(steps[0], 2),
        "cold_cpu_seconds": round(cpu[0], 2),
        "cold_read_seconds": round(reads[0], 2),
        "change_milliseconds": round(statistics.median(changes) * 1000, 1),
        "change_worst_milliseconds": round(max(changes) * 1000, 1),
        "change_cpu_milliseconds": round(statistics.median(cpu[1:] or [0.0]) * 1000, 1),
        "change_cpu_worst_milliseconds": round(max(cpu[1:] or [0.0]) * 1000, 1),
        "change_read_milliseconds": round(statistics.median(reads[1:] or [0.0]) * 1000, 1),
        "warnings": report.warnings,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "before_bytes": before,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.validate", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--apps", type=int, default=5000)
    parser.add_argument("--clusters", type=int, default=200)
    parser.add_argument("--changes", type=int, default=20)
    parser.add_argument("--keep", type=Path, help="write the fleet here and leave it")
    parser.add_argument("--measure", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(Path(options.measure[0]), options.measure[1:])))
        return
    with tempfile.TemporaryDirectory(prefix="spinfleet-bench-") as temporary:
        folder = options.keep or Path(temporary) / "fleet"
        write_fleet(folder, options.apps, options.clusters)
        _git(folder, "init", "-q", ".")
        _git(folder, "add", ".")
        _git(folder, "commit", "-qm", "all")
        commits = [_git(folder, "rev-parse", "HEAD")]
        for number in range(options.changes):
            write_app(folder, number * 7 % options.apps, 4)
            _git(folder, "commit", "-qam", f"change {number}")
            commits.append(_git(folder, "rev-parse", "HEAD"))
        command = [sys.executable, "-m", "bench.validate", "--measure", str(folder), *commits]
        if hasattr(os, "sched_setaffinity"):
            command = [
                sys.executable,
                "-c",
                "import os,sys;os.sched_setaffinity(0,{min(os.sched_getaffinity(0))});os.execv(sys.argv[1],sys.argv[1:])",
                *command,
            ]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(json.dumps({"apps": options.apps, "clusters": options.clusters, **found}))


if __name__ == "__main__":
    main()
