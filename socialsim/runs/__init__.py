"""Runs on disk: one folder per run, written so that a killed one resumes to the bit-identical result."""

from socialsim.runs.lock import Lock
from socialsim.runs.run import Run, RunWarning

__all__ = ["Lock", "Run", "RunWarning"]
