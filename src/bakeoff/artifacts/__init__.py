"""Artifacts on disk: exporting them, their golden inputs and outputs, and where they are from."""
