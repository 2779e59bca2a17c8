"""Signatures of artifacts: fetched beside the artifact (candidates), read (claims), verified (verify) against a rule of the fleet."""
