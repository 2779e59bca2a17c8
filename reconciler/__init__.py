"""Spinfleet: pull-based GitOps for fleets of Kubernetes clusters that run Spin apps through SpinKube."""

__version__ = "0.1.0"
