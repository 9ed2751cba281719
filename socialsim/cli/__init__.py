"""The command line: `socialsim COMMAND`, typed options, one clear line and exit status 2 on bad input."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    from socialsim.core.errors import SocialsimError

    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        from socialsim.cli.commands import dispatch

        dispatch(given)
    except SocialsimError as error:
        print(f"socialsim: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        print("socialsim: interrupted; run the same command again to go on", file=sys.stderr)
        return 130
    return 0
