"""Existing Kubernetes objects become a fleet that renders the same objects: what `spinfleet init` writes."""
