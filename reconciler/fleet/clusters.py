"""A Cluster document as a value."""

from __future__ import annotations

from reconciler.fleet.documents import Document, without_nulls
from reconciler.fleet.model import Cluster


def define_cluster(document: Document) -> Cluster:
    """Give the cluster. An invalid document gives one with the labels that can be read and an empty spec: it can be named, not run."""
    metadata = without_nulls(document.yaml.value["metadata"])
    labels = metadata.get("labels")
    readable = (
        {key: value for key, value in labels.items() if isinstance(value, str)} if isinstance(labels, dict) else {}
    )
    return Cluster(
        name=document.name,
        path=document.path,
        line=document.line,
        labels=readable,
        spec=document.spec if document.valid else {},
    )
