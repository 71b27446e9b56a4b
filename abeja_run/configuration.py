"""Settings that are not secret, and the file of the ``abeja`` command line tool.

Each is taken from the argument, else the environment, else ``~/.abeja/config``, when a client is made.
"""

from __future__ import annotations

import ipaddress
import json
import math
import os
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from abeja_run.exceptions import ConfigurationError

__all__ = ["base_url", "is_loopback", "max_retry_count", "organization_id", "seconds", "timeout", "tool_configuration"]

DEFAULT_BASE_URL = "https://api.abeja.io"
DEFAULT_TIMEOUT = 30.0
DEFAULT_MAX_RETRY_COUNT = 5


def seconds(value: object, source: str) -> float:
    """A duration: a number of seconds above zero, also as the text of one.

    Raises:
        ConfigurationError: It is anything else; the text names ``source``.
    """
    try:
        number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    # The bound is what a socket takes: beyond it the operating system's own conversion fails.
    if not 0 < number < 1e9:
        raise ConfigurationError(f"{source} must be a number of seconds above 0, not {value!r}")
    return number


def timeout(argument: object) -> float:
    """Seconds one attempt may take."""
    if argument is not None:
        return seconds(argument, "timeout")
    text = os.environ.get("ABEJA_SDK_CONNECTION_TIMEOUT")
    return seconds(text, "ABEJA_SDK_CONNECTION_TIMEOUT") if text else DEFAULT_TIMEOUT


def max_retry_count(argument: object) -> int:
    """How many attempts may follow the first; 0 means none."""
    name, value = "max_retry_count", argument
    if argument is None:
        name = "ABEJA_SDK_MAX_RETRY_COUNT"
        value = os.environ.get(name) or DEFAULT_MAX_RETRY_COUNT
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value.strip()):
            value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ConfigurationError(f"{name} must be a whole number from 0, not {value!r}")
    return value


def base_url(argument: str | None, tool: Callable[[], Mapping[str, Any]]) -> str:
    """The address that paths are appended to, without a slash at its end."""
    if argument is not None:
        return _checked_url(argument, "base_url")
    if url := os.environ.get("ABEJA_API_URL"):
        return _checked_url(url, "ABEJA_API_URL")
    if url := tool().get("abeja-api-url"):
        return _checked_url(url, "abeja-api-url in ~/.abeja/config")
    return DEFAULT_BASE_URL


def organization_id(argument: str | None) -> str:
    """The organization that is meant.

    Raises:
        ConfigurationError: None is given anywhere; the text names every way to give one.
    """
    found = argument or os.environ.get("ABEJA_ORGANIZATION_ID") or tool_configuration().get("organization-name")
    if isinstance(found, str) and found:
        return found
    raise ConfigurationError(
        "no organization: give organization_id, or set ABEJA_ORGANIZATION_ID, or run 'abeja configure'"
    )


def _checked_url(value: object, source: str) -> str:
    def wrong(why: str) -> ConfigurationError:
        return ConfigurationError(f"{source} {why}; it must be of the form https://host[:port][/path]")

    if not isinstance(value, str):
        raise wrong(f"is of type {type(value).__name__}")
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise wrong("is not a URL") from None
    if "@" in parts.netloc:
        # Not shown: what stands before the @ is a secret.
        raise wrong("holds a user name or password, which belong into the credential")
    if not re.fullmatch(r"[\x21-\x7e]+", value) or "\\" in value:
        raise wrong(f"{value!r} holds blanks, control or non-ASCII characters")
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or "?" in value or "#" in value:
        raise wrong(f"is {value!r}")
    if any(segment in (".", "..") for segment in parts.path.split("/")):
        raise wrong(f"{value!r} holds . or .. as a segment")
    return value.rstrip("/")


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Whom an address is asked of: scheme, host and port, that of the scheme where the address names none.

    Example:
        >>> origin_of("https://API.example.com/a") == origin_of("https://api.example.com:443/b")
        True
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    return parts.scheme, parts.hostname or "", port or {"http": 80, "https": 443}.get(parts.scheme)


def is_loopback(url: str) -> bool:
    """Whether an address stays on this machine: ``localhost``, ``127.0.0.0/8`` or ``[::1]``.

    Example:
        >>> is_loopback("http://127.0.0.1:8080"), is_loopback("http://127.0.0.1.example.com")
        (True, False)
    """
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def tool_configuration() -> Mapping[str, Any]:
    """What the ``abeja`` command line tool has stored in ``~/.abeja/config``: the active configuration.

    Returns:
        Its keys and values, among them a secret; empty where there is no file.

    Raises:
        ConfigurationError: The file cannot be read or is not what the tool writes; its content is not shown.
    """
    path = os.path.join(os.path.expanduser("~"), ".abeja", "config")  # noqa: PTH111, PTH118 - no home is no error
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - as above
            content = json.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ConfigurationError(f"~/.abeja/config cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError):
        # Without the cause: a decoder's error carries the document, and so the secret.
        raise ConfigurationError("~/.abeja/config is not JSON; make it anew with 'abeja configure'") from None
    if not isinstance(content, dict):
        raise ConfigurationError("~/.abeja/config is not a JSON object; make it anew with 'abeja configure'")
    active = content.get("active-configuration-name")
    if not active or active == "default":
        return content
    listed = content.get("configurations")
    for configuration in listed if isinstance(listed, list) else ():
        if isinstance(configuration, dict) and configuration.get("configuration-name") == active:
            return configuration
    raise ConfigurationError(f"~/.abeja/config has no configuration named {active!r}, the active one")
