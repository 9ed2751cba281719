"""The command line: `socialsim COMMAND`, typed options, one clear line and exit status 2 on bad input."""

import errno
import sys
import warnings
from collections.abc import Sequence

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DISK = _FULL | {errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
_DISK |= {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}
_RESUMABLE = {"train", "experiment", "survey", "probe", "assay", "transfer", "strangers"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    from socialsim.core.errors import SocialsimError

    given = list(sys.argv[1:] if arguments is None else arguments)
    resumable = bool(_RESUMABLE & set(given[:1]))
    shown, warnings.showwarning = warnings.showwarning, _told
    try:
        from socialsim.cli.commands import dispatch

        dispatch(given)
    except SocialsimError as error:
        return _end(str(error))
    except BrokenPipeError:
        return 0
    except OSError as error:
        if error.errno not in _DISK:
            raise
        where = f"{error.filename!r}: " if error.filename else ""
        remedy = "make room or name another place" if error.errno in _FULL else "name another place"
        remedy += "; a run goes on where it stopped" if resumable else ""
        return _end(f"{where}{error.strerror}; {remedy}")
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "RESOURCE_EXHAUSTED" not in str(error):
            raise
        place = ", and name another folder" if resumable else ""
        return _end(f"not enough memory; ask for fewer seeds, worlds or episodes{place}")
    except KeyboardInterrupt:
        return _end(f"interrupted{'; run the same command again to go on' if resumable else ''}", 130)
    finally:
        warnings.showwarning = shown
    return 0


def _end(line: str, status: int = 2) -> int:
    print(f"socialsim: {line}", file=sys.stderr)
    return status


def _told(message, category, filename, lineno, file=None, line=None) -> None:
    """A warning in one line: our own as they are, others with their place."""
    where = (
        "" if category.__module__.startswith("socialsim") else f"{filename}:{lineno}: {category.__name__}: "
    )
    print(f"socialsim: {where}{message}", file=sys.stderr if file is None else file)
