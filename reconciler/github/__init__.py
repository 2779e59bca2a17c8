"""GitHub: what a workflow's event asks for, what its runner takes, and the few calls of its API that are made."""
