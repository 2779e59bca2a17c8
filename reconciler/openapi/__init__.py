"""Objects held against the schemas of a cluster's API: built-in kinds by Kubernetes version, custom kinds by their definitions.

    OpenAPI documents ─► compact ─┐
    shipped, by version ──────────┼─► Catalogue ─► find(apiVersion, kind) ─► Kind ─► findings of an object
    CustomResourceDefinitions ────┘

What is told here is what an API server would refuse with fieldValidation=Strict; a differential test on a real one holds that.
"""
