"""What is written on a command line, as values: JSON, times, variables, files of the datalake.

Knows no endpoint. What is wrong with a value is said in terms of what was written.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from click import BadParameter

__all__ = ["content", "datalake_file", "json_value", "time", "variable"]


def json_value(text: str) -> Any:
    """A JSON value: written out, or in a file as ``@file``, or on standard input as ``-``."""
    named = content(text)
    try:
        return json.loads(text if named is None else named)
    except UnicodeDecodeError as error:
        raise BadParameter("it is not UTF-8.") from error
    except ValueError as error:
        raise BadParameter(f"it is not JSON: {error}.") from error
    except RecursionError as error:
        raise BadParameter("it is nested too deeply.") from error


def content(text: str) -> bytes | None:
    """What a file holds that is named as ``@file``, or standard input, ``-``; None for any other text."""
    try:
        if text == "-":
            return sys.stdin.buffer.read()
        return Path(text[1:]).read_bytes() if text.startswith("@") else None
    except OSError as error:
        raise BadParameter(f"{text[1:]!r} cannot be read: {error.strerror}.") from error


def datalake_file(text: str) -> str:
    """The name of a file of the datalake, ``CHANNEL/FILE``."""
    channel, _, file = text.partition("/")
    if channel and file:
        return text
    raise BadParameter(f"{text!r} is not of the form CHANNEL/FILE.")


def time(text: str) -> datetime:
    """A time in ISO 8601.

    Example:
        >>> time("2018-01-01T09:00:00Z")
        datetime.datetime(2018, 1, 1, 9, 0, tzinfo=datetime.timezone.utc)
    """
    try:
        # Python 3.10 does not know the Z that the service itself writes.
        return datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text)
    except ValueError as error:
        raise BadParameter(f"{text!r} is not a time such as 2018-01-01T09:00:00Z.") from error


def variable(text: str) -> tuple[str, str]:
    """A variable, ``KEY=VALUE``; or ``KEY``, whose value the environment has.

    Example:
        >>> variable("MODE=a=b")
        ('MODE', 'a=b')
    """
    name, separator, value = text.partition("=")
    if not name:
        raise BadParameter("there is no name before the '='.")
    if separator:
        return name, value
    if name not in os.environ:
        raise BadParameter(f"{name!r} has no value, and the environment has no variable of that name.")
    return name, os.environ[name]
