"""The datalake as a folder."""

import signal
import subprocess
import sys

from abeja_run.local.datalake import Datalake

WRITER = """
import sys
from abeja_run.local.datalake import Datalake
with Datalake(sys.argv[1]).replacing("out", sys.argv[2], "text/plain", {}) as file:
    file.write(b"half")
    file.flush()
    print(flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_writer_has_left_goes_with_the_next_one_of_the_same_file(tmp_path):
    name = "run-1_0.csv"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, tmp_path, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    lake, left = Datalake(tmp_path), []
    for next_one in ("run-2_0.csv", name):
        with lake.replacing("out", next_one, "text/plain", {}) as file:
            file.write(b"whole")
        left.append(len(list((tmp_path / "out" / ".metadata").glob(".writing-*"))))
    # Another file may be written at the same time, and is left alone.
    assert left == [1, 0]
    assert lake.open(f"out/{name}").path.read_bytes() == b"whole"
