"""What an app's artifact must be, as the agent of a cluster would ask it; what its FleetSync asks besides, only the agent knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reconciler.artifact.model import Expected
    from reconciler.artifact.sources import CommitFiles
    from reconciler.fleet.model import AppAssignment, AppDefinition, Fleet


def expected_of_app(
    fleet: Fleet, files: CommitFiles, app: AppDefinition | AppAssignment, reference: str, cluster: str = ""
) -> Expected:
    """Give what is asked of an artifact of an app: as its document has the app, or as a cluster gets it.

    Raises ArtifactError where the Fleet's policy refuses the reference whatever it holds.
    """
    from reconciler.agent.artifact_policy import expected_of, wanted
    from reconciler.agent.fleetsync import Policy
    from reconciler.artifact.reference import parse_reference
    from reconciler.artifact.sources import Sources

    artifacts: Mapping[str, Any] = fleet.spec.get("artifacts") or {}
    document: Mapping[str, Any] = fleet.clusters[cluster].spec if cluster else {}
    asked = wanted(parse_reference(reference), artifacts, fleet.signatures, Policy(require_digest=False))
    sources = Sources(commit=files, manifest=app.manifest_path)
    return expected_of(asked, artifacts, app.application, app.spec, document, sources)
