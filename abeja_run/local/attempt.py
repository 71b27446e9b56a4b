"""One attempt of a run: the child process that calls the handler. Standard library only, run by its path.

Arguments: the folder of the datalake, and the number of an inherited socket. The socket's end means that the
platform is gone, and ends this process with all it has started; a byte written to it means success.
"""

from __future__ import annotations

import os
import sys

# Before any other import: the folder of this file must not offer its modules to a handler's imports.
_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120
sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or os.curdir) != _HERE]  # noqa: PTH100

import contextlib  # noqa: E402
import csv  # noqa: E402
import fcntl  # noqa: E402
import importlib  # noqa: E402
import importlib.util  # noqa: E402
import io  # noqa: E402
import json  # noqa: E402
import mimetypes  # noqa: E402
import select  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import threading  # noqa: E402
from collections.abc import Iterable, Iterator, Mapping  # noqa: E402
from typing import Any, BinaryIO  # noqa: E402

_OPERATOR = "$datalake:1"


class Content(dict[str, Any]):
    """One content of a request: a mapping that can also be read."""

    def read(self, size: int = -1) -> bytes:
        """Read the content."""
        data: bytes = self["body"].read(size)
        return data


class Request(dict[str, Any]):
    """What the handler is called with."""

    def __getitem__(self, key: str) -> Any:
        return self._first()["metadata"] if key == "metadata" else super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key, also of the one that is no entry of its own."""
        return self[key] if key in self or key == "metadata" else default

    def read(self, size: int = -1) -> bytes:
        """Read the first content."""
        return self._first().read(size)

    def _first(self) -> Content:
        contents: list[Content] = super().__getitem__("contents")
        if not contents:
            raise ValueError("the run has no input, so the request has no content")
        return contents[0]


def request_for(input_data: Any, datalake: Any) -> Request:
    """The request that a run's input becomes; no input, no content."""
    contents = []
    if input_data is not None:
        if isinstance(input_data, dict) and isinstance(input_data.get(_OPERATOR), str):
            stored = datalake.open(input_data[_OPERATOR])
            body: BinaryIO = stored.path.open("rb")
            kind, metadata, name = stored.content_type, dict(stored.metadata), stored.path.name
        else:
            body = io.BytesIO(json.dumps(input_data).encode())
            kind, metadata, name = "application/json", {}, None
        contents.append(Content(content_type=kind, metadata=metadata, body=body, file_name=name, form_name=None))
    kind = contents[0]["content_type"] if contents else "application/octet-stream"
    headers = {"content-type": kind}
    return Request(
        http_method="POST", content_type=kind, headers=headers, http_headers=dict(headers), contents=contents
    )


def pieces(content: Any, content_type: str) -> Iterator[bytes]:
    """The bytes of what a handler returned as its content."""
    if content is None:
        return
    single = isinstance(content, (dict, str, bytes, bytearray)) or not isinstance(content, Iterable)
    table: csv.DictWriter[str] | None = None
    line = io.StringIO()
    for index, element in enumerate([content] if single else content):
        if isinstance(element, (bytes, bytearray)):
            yield bytes(element)
        elif isinstance(element, str):
            yield (element if index == 0 else f"\n{element}").encode()
        elif isinstance(element, Mapping) and content_type.partition(";")[0].strip() == "text/csv":
            line.seek(0)
            line.truncate()
            if table is None:
                table = csv.DictWriter(line, list(element), lineterminator="\r\n")
                table.writeheader()
            table.writerow(dict(element))
            yield line.getvalue().encode()
        else:
            yield (b"" if index == 0 else b"\n") + json.dumps(element).encode()


def extension(content_type: str) -> str:
    """The ending of a file name for a content type; empty where none is known."""
    return mimetypes.guess_extension(content_type.partition(";")[0].strip()) or ""


def attempt(datalake: Any) -> None:
    """Call the handler and store what it returns.

    Raises:
        Exception: The attempt has failed.
    """
    module, _, function = os.environ["HANDLER"].partition(":")
    handler = getattr(importlib.import_module(module), function or "handler")
    given = os.environ.get("INPUT")
    result = handler(request_for(json.loads(given) if given else None, datalake), {})
    if not isinstance(result, dict):
        raise TypeError(f"the handler returned {type(result).__name__}, not dict")
    status = result.get("status_code", 200)
    if isinstance(status, bool) or not isinstance(status, int):
        raise TypeError(f"the handler returned the status_code {status!r}, which is no number")
    if status > 299:
        raise RuntimeError(f"the handler returned the status_code {status}")
    content_type = str(result.get("content_type", "text/plain"))
    written = pieces(result.get("content"), content_type)
    template = json.loads(os.environ.get("OUTPUT") or "null")
    if not (isinstance(template, dict) and isinstance(template.get(_OPERATOR), str)):
        for _ in written:  # what a generator does counts, even if nobody keeps it
            pass
        return
    name = f"{os.environ['ABEJA_RUN_ID']}_0{extension(content_type)}"
    with datalake.replacing(template[_OPERATOR], name, content_type, result.get("metadata") or {}) as file:
        file.writelines(written)


def _end_with(platform: socket.socket) -> None:
    """End with the platform, and let nothing that the handler has started outlive it."""

    def wait() -> None:
        # A handler that has closed the socket behind its back ends with its time.
        with contextlib.suppress(OSError, ValueError):
            # Not recv(): while a thread waits in it, the system would send no signal.
            select.select([platform], [], [])
            os.killpg(0, signal.SIGKILL)

    threading.Thread(target=wait, daemon=True).start()
    if sys.platform == "linux":
        # The system itself kills the group then: also while the handler lets no thread run, or has become another
        # program, which keeps the socket.
        platform.set_inheritable(True)
        fcntl.fcntl(platform, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(platform, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(platform, fcntl.F_SETFL, fcntl.fcntl(platform, fcntl.F_GETFL) | os.O_ASYNC)


def _show(error: Exception) -> None:
    """Show a failed attempt's traceback from the code's own lines on; those of this file tell its author nothing."""
    passed_over = {__file__, sys.modules["_abeja_run_datalake"].__file__, importlib.__file__}
    place = error.__traceback__
    while place is not None and (
        place.tb_frame.f_code.co_filename in passed_over or place.tb_frame.f_code.co_filename.startswith("<frozen ")
    ):
        place = place.tb_next
    sys.excepthook(type(error), error.with_traceback(place), place)


def main() -> int:
    """Run the attempt; the exit status."""
    folder, number = sys.argv[1:]
    platform = socket.socket(fileno=int(number))
    platform.set_inheritable(False)
    _end_with(platform)
    spec = importlib.util.spec_from_file_location("_abeja_run_datalake", os.path.join(_HERE, "datalake.py"))  # noqa: PTH118
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018 - it stands beside this file
    datalake = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = datalake
    spec.loader.exec_module(datalake)
    sys.argv[1:] = []
    sys.path.insert(0, os.getcwd())  # noqa: PTH109
    try:
        attempt(datalake.Datalake(folder))
    except Exception as error:  # noqa: BLE001 - whatever the code raises
        _show(error)
        return 1
    # The handler may have closed or replaced it.
    with contextlib.suppress(AttributeError, ValueError):
        sys.stdout.flush()
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    platform.send(b"1")
    return 0


if __name__ == "__main__":
    sys.exit(main())
