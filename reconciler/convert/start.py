"""A new fleet repository: what stands in it before anything of the user's own does."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.convert.text import schema_line

_IGNORED = """\
# What builds leave behind.
target/
node_modules/
*.wasm
# Keys never belong in a repository.
*.agekey
*.key
*.kubeconfig
"""
_SPIN_TOML = """\
spin_manifest_version = 2

[application]
name = "hello"
version = "0.1.0"

[variables]
greeting = { default = "Hello" }

[[trigger.http]]
route = "/..."
component = "hello"

[component.hello]
source = "hello.wasm"

[component.hello.variables]
greeting = "{{ greeting }}"
"""
_APP = """\
apiVersion: spinfleet.dev/v1alpha1
kind: App
metadata:
  name: hello
spec:
  # What `spin registry push` printed. This one does not exist: push your own and put its digest here.
  artifact: ghcr.io/example/hello@sha256:0000000000000000000000000000000000000000000000000000000000000000
  namespace: hello
  replicas: 2
  resources:
    requests: {cpu: 50m, memory: 32Mi}
    limits: {memory: 128Mi}
  variables:
    greeting: {value: "Hello from ${cluster.name}"}
"""
_FLEET = """\
apiVersion: spinfleet.dev/v1alpha1
kind: Fleet
metadata:
  name: NAME
spec:
  artifacts:
    # Nobody signs them yet. With signatures in place: Deny.
    unsigned: Allow
"""
_CLUSTER = """\
apiVersion: spinfleet.dev/v1alpha1
kind: Cluster
metadata:
  name: NAME
  labels: {env: dev}
spec:
  # What may be rendered here, where the cluster has it: keda, keda-http, gateway-api, prometheus-operator.
  capabilities: []
"""
_README = """\
# NAME

A fleet of clusters that run Spin apps, kept by Spinfleet: what stands here is what runs.

- `fleet.yaml`: rules for all apps
- `clusters/`: one document for each cluster
- `apps/`: one folder for each app, with its `app.yaml` and its `spin.toml`
- `schemas/`: for editors; `spinfleet schema KIND` prints them anew

```
spinfleet validate                     # every document, on every cluster
spinfleet render --cluster CLUSTER     # what that cluster would get
```
"""


def start(name: str, cluster: str) -> dict[str, str]:
    """Give the files of a new fleet by path: with a cluster, and an app to take as a pattern."""
    where = f"clusters/{cluster}.yaml"
    return {
        **surroundings(name, cluster),
        "fleet.yaml": schema_line("fleet.yaml", "Fleet") + _FLEET.replace("NAME", name),
        where: schema_line(where, "Cluster") + _CLUSTER.replace("NAME", cluster),
        "apps/hello/app.yaml": schema_line("apps/hello/app.yaml", "App") + _APP,
        "apps/hello/spin.toml": _SPIN_TOML,
    }


def surroundings(name: str, cluster: str) -> Mapping[str, str]:
    """Give what every fleet repository has beside its documents."""
    return {".gitignore": _IGNORED, "README.md": _README.replace("NAME", name).replace("CLUSTER", cluster)}
