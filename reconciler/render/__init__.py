"""Assignments to Kubernetes objects: one file for each kind. Pure."""

from reconciler.render.model import Rendered
from reconciler.render.render import render, render_unit
from reconciler.render.shared import render_shared
from reconciler.render.sharing import clashes

__all__ = ["Rendered", "clashes", "render", "render_shared", "render_unit"]
