"""`python -m dg STEP ...`."""

import sys

from dg.cli import main

sys.exit(main())
