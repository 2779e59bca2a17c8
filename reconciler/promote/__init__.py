"""Moving apps to other artifacts: documents edited in place, and what that changes for each cluster. Pure."""
