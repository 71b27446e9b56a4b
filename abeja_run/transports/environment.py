"""What the environment says about the wire: proxies, and the roots that certificates are verified against.

Knows no HTTP library's connections.
"""

from __future__ import annotations

import os
import ssl
import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlsplit

import urllib3

from abeja_run.configuration import is_loopback
from abeja_run.exceptions import ConfigurationError

__all__ = ["Proxies", "context_for", "proxy_headers", "roots", "without_userinfo"]

#: How many origins are remembered: a client asks few of them, again and again.
_REMEMBERED = 1000


class Proxies:
    """The proxies that the environment names, as they were when this was made.

    Example:
        >>> Proxies().of("http://127.0.0.1:8080")
        ''
    """

    def __init__(self) -> None:
        self._found = urllib.request.getproxies_environment()
        self._known: dict[str, str] = {}

    def of(self, origin: str) -> str:
        """The address of the proxy on the way to an origin, or an empty string."""
        proxy = self._known.get(origin)
        if proxy is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            proxy = self._known[origin] = self._look_up(origin)
        return proxy

    def _look_up(self, origin: str) -> str:
        parts = urlsplit(origin)
        # proxy_bypass itself takes no proxies on every system; typeshed knows only that one.
        bypass = urllib.request.proxy_bypass_environment  # type: ignore[attr-defined]
        if is_loopback(origin) or bypass(parts.netloc, self._found):
            return ""
        return self._found.get(parts.scheme) or self._found.get("all", "")

    def route(self, origin: str) -> str:
        """The way to an origin, for a person."""
        proxy = self.of(origin)
        return f"{origin} through the proxy {without_userinfo(proxy)}" if proxy else origin


def context_for(roots: Path | None) -> ssl.SSLContext:
    """A context that verifies against these roots, or the system's, or those of certifi."""
    if roots is not None:
        folder, path = roots.is_dir(), str(roots)
        try:
            return ssl.create_default_context(cafile=None if folder else path, capath=path if folder else None)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"the roots in {path} cannot be used: {error}") from error
    context = ssl.create_default_context()
    if context.cert_store_stats()["x509_ca"] or ssl.get_default_verify_paths().capath:
        return context
    try:
        import certifi  # noqa: PLC0415 - optional
    except ImportError:
        return context
    context.load_verify_locations(certifi.where())
    return context


def roots() -> Path | None:
    """The file or folder of roots that the environment names; OpenSSL itself would ignore one that is missing."""
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        if value := os.environ.get(name):
            path = Path(value)
            if not path.exists():
                raise ConfigurationError(f"{name} is {value!r}, which does not exist")
            return path
    return None


def without_userinfo(proxy: str) -> str:
    """The address of a proxy as it may be shown.

    Raises:
        ConfigurationError: It is not one of a kind known here.
    """
    address = proxy if "://" in proxy else f"http://{proxy}"
    parts = urlsplit(address)
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"the proxy {shown!r} is not of the form http://host:port")
    return shown


def proxy_headers(proxy: str) -> dict[str, str]:
    """The header fields that a proxy wants to know the caller by."""
    userinfo = urlsplit(proxy if "://" in proxy else f"http://{proxy}").netloc.rpartition("@")[0]
    return dict(urllib3.make_headers(proxy_basic_auth=unquote(userinfo))) if userinfo else {}
