"""MJX, imported without the lines it prints to standard output where warp is not installed."""

import contextlib
import io

with contextlib.redirect_stdout(io.StringIO()):
    from mujoco import mjx

__all__ = ["mjx"]
