"""The command ``abeja-run``: the door, which says what to install where click and rich are missing.

Everything else of the command stands behind it and is imported only when it is run.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> int:
    """Run the command with the arguments of the process; the exit code."""
    try:
        from abeja_run.cli.command import run
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ("click", "rich"):
            raise
        sys.stderr.write(f"Error: the command needs {missing}: pip install 'abeja-run[cli]'\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return run()
