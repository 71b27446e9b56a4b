"""The command ``abeja-run`` as people and programs use it: as a process, on a terminal, and in this process."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time

COMMAND = (sys.executable, "-m", "abeja_run.cli")


def execute(*arguments, **options):
    """Run the command to its end, piped."""
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=60, **options)


@contextlib.contextmanager
def started(*arguments, **options):
    """The running command; killed in the end if it still runs."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    pipes.setdefault("preexec_fn", _heed_signals)
    with subprocess.Popen([*COMMAND, *map(str, arguments)], **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def _heed_signals():
    """Undo what a shell or nohup has told the tests to ignore, because they run in the background."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def on_terminal(*arguments, columns=120, meanwhile=None):
    """Run the command with everything on a terminal: the exit code, and what a person would see.

    ``meanwhile`` is called with what has been seen so far whenever something has come.
    """
    controller, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns)}
    environment.pop("NO_COLOR", None)
    with subprocess.Popen(
        [*COMMAND, *map(str, arguments)], stdin=terminal, stdout=terminal, stderr=terminal, env=environment
    ) as process:
        os.close(terminal)
        seen = b""
        end = time.monotonic() + 60
        while time.monotonic() < end and select.select([controller], [], [], 60)[0]:
            try:
                data = os.read(controller, 65536)
            except OSError:  # how Linux tells that nobody has the terminal open any more
                break
            if not data:
                break
            seen += data
            if meanwhile is not None:
                meanwhile(seen)
        os.close(controller)
        code = process.wait(60)
    return code, seen.decode().replace("\r\n", "\n")
