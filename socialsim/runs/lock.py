"""One writer per run folder."""

import contextlib
import fcntl
import os
import weakref
from pathlib import Path

from socialsim.core.errors import RunError

NAME = ".lock"


class Lock:
    """An exclusive lock on a folder, held until `release`, garbage collection or the end of the process.

    The kernel frees it however the process ends, so a killed run never stays locked. Raises RunError,
    naming the holder, if another process (or another Run in this one) has it.
    """

    def __init__(self, folder: Path):
        try:
            handle = os.open(folder / NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise RunError(f"run {str(folder)!r} cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(handle, 32).decode(errors="replace").strip() or "unknown"
            os.close(handle)
            raise RunError(
                f"run {str(folder)!r} is being written by process {holder}; wait for it to end, "
                "stop it, or name another folder"
            ) from None
        with contextlib.suppress(OSError):  # a full disk; the name of the holder is a courtesy
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()}\n".encode())
        self._close = weakref.finalize(self, _close, handle)

    def release(self) -> None:
        self._close()


def _close(handle: int) -> None:
    with contextlib.suppress(OSError):
        os.close(handle)
