"""What holding objects against the shipped schemas costs; `python -m bench.objects`.

    python -m bench.objects [--times 2000]

Judges a Deployment and a ConfigMap, right ones, against one Kubernetes version, then a Deployment with a misspelt field. Prints one JSON
object: milliseconds of CPU to load the schemas and to judge the first object, microseconds of CPU for each later one, bytes of memory.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from typing import Any

from bench.validate import OBJECTS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.objects", description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--times", type=int, default=2000)
    options = parser.parse_args()
    import yaml

    from reconciler.openapi.judge import Api, judge

    settings, deployment = yaml.safe_load_all(OBJECTS.format(number=1, team=1))
    misspelt = {**deployment, "spec": {**deployment["spec"], "replcas": 1}}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    api, begun = Api(kubernetes="1.36"), time.process_time()
    assert not judge(deployment, api)
    first = time.process_time() - begun
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    def each(obj: Any) -> float:
        begun = time.process_time()
        for _ in range(options.times):
            judge(obj, api)
        return round((time.process_time() - begun) / options.times * 1e6, 1)

    found = {
        "first_milliseconds": round(first * 1000, 1),
        "config_map_microseconds": each(settings),
        "deployment_microseconds": each(deployment),
        "misspelt_deployment_microseconds": each(misspelt),
        "bytes": memory * 1024,
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
