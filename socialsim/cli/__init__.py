"""The command line: `socialsim COMMAND`, typed options, one clear line and exit status 2 on bad input."""

import errno
import sys
import warnings
from collections.abc import Sequence

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
_DISK |= {errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    from socialsim.core.errors import SocialsimError

    given = list(sys.argv[1:] if arguments is None else arguments)
    shown, warnings.showwarning = warnings.showwarning, _told
    try:
        from socialsim.cli.commands import dispatch

        dispatch(given)
    except SocialsimError as error:
        print(f"socialsim: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    except OSError as error:
        if error.errno not in _DISK:
            raise
        where = f"{error.filename!r}: " if error.filename else ""
        print(
            f"socialsim: {where}{error.strerror}; make room or name another place; a run goes on where it "
            "stopped",
            file=sys.stderr,
        )
        return 2
    except KeyboardInterrupt:
        print("socialsim: interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    finally:
        warnings.showwarning = shown
    return 0


def _told(message, category, filename, lineno, file=None, line=None) -> None:
    """A warning in one line: our own as they are, others with their place."""
    where = (
        "" if category.__module__.startswith("socialsim") else f"{filename}:{lineno}: {category.__name__}: "
    )
    print(f"socialsim: {where}{message}", file=sys.stderr if file is None else file)
