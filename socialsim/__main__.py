"""`python -m socialsim` is the command line."""

import sys

from socialsim.cli import main

sys.exit(main())
