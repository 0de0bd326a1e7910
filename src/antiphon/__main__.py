"""`python -m antiphon`."""

import sys

from antiphon.faces.cli import main

sys.exit(main())
