"""The command as ``python -m abeja_run.cli``. Does nothing of its own."""

from __future__ import annotations

import sys

from abeja_run.cli import main

if __name__ == "__main__":
    sys.exit(main())
