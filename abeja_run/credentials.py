"""The one home of secrets: who the caller is, and how that is written into a request.

A :class:`Credential` never shows its secret, in ``repr`` or errors, and blots it out of foreign text.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from abeja_run.exceptions import CredentialError

__all__ = ["Credential", "find_credential", "required"]

#: Each kind: the prefix and key of the id (a bearer token has none), the key of the secret.
_KINDS: tuple[tuple[str, str | None, str], ...] = (
    ("", None, "auth_token"),
    ("user-", "user_id", "personal_access_token"),
    ("datasource-", "datasource_id", "datasource_secret"),
)
_ENVIRONMENT = {
    "auth_token": "PLATFORM_AUTH_TOKEN",
    "user_id": "ABEJA_PLATFORM_USER_ID",
    "personal_access_token": "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN",
    "datasource_id": "ABEJA_PLATFORM_DATASOURCE_ID",
    "datasource_secret": "ABEJA_PLATFORM_DATASOURCE_SECRET",
}
_TOOL = {"user_id": "abeja-platform-user", "personal_access_token": "personal-access-token"}
_HOW = (
    "give one as APIClient({'auth_token': …}), ({'user_id': …, 'personal_access_token': …}) or "
    "({'datasource_id': …, 'datasource_secret': …}); or set PLATFORM_AUTH_TOKEN, or ABEJA_PLATFORM_USER_ID and "
    "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN, or ABEJA_PLATFORM_DATASOURCE_ID and ABEJA_PLATFORM_DATASOURCE_SECRET; "
    "or run 'abeja configure', which writes ~/.abeja/config"
)
#: The source of a credential that the caller gave in person.
FROM_ARGUMENT = "the argument"
#: A shorter secret is none, and blotting it out would garble every text.
_SHORTEST_SECRET = 6


class Credential:
    """Who the caller is.

    Args:
        values: The keys ``auth_token``, or ``user_id`` and ``personal_access_token``, or ``datasource_id``
            and ``datasource_secret``; the first complete kind counts.
        source: Where they came from, for errors and ``repr``.
        names: What the source calls each key, where it does so differently.

    Raises:
        CredentialError: A part is missing, empty, of the wrong type or cannot travel in a header.

    Example:
        >>> Credential({"user_id": "1234", "personal_access_token": "hunter2"}, "an example")
        <Credential user-1234 from an example>
    """

    __slots__ = ("_shown", "_spellings", "_values", "authorization", "source")

    authorization: str

    def __init__(self, values: Mapping[str, Any], source: str, names: Mapping[str, str] | None = None) -> None:
        names = names or {}
        for prefix, id_key, secret_key in _KINDS:
            given = [key for key in (id_key, secret_key) if key is not None and values.get(key) is not None]
            if not given:
                continue
            for key in (id_key, secret_key):
                if key is not None and key not in given:
                    raise CredentialError(
                        f"the credential from {source} has {names.get(given[0], given[0])} "
                        f"but no {names.get(key, key)}; {_HOW}"
                    )
            secret = _part(values, secret_key, source, names, bearer=id_key is None)
            if id_key is None:
                identity, self._shown = "", secret_key
                self.authorization = f"Bearer {secret}"
            else:
                identity = _part(values, id_key, source, names)
                if ":" in identity:
                    raise CredentialError(f"{names.get(id_key, id_key)} from {source} holds a colon")
                identity = identity if identity.startswith(prefix) else prefix + identity
                self._shown = identity
                pair = base64.b64encode(f"{identity}:{secret}".encode()).decode("ascii")
                self.authorization = f"Basic {pair}"
            self.source = source
            self._values = dict(values)
            self._spellings = _spellings(secret, self.authorization)
            return
        raise CredentialError(f"the credential from {source} has none of the keys known here; {_HOW}")

    def redact(self, data: bytes) -> bytes:
        """The same bytes with every spelling of the secret blotted out: plain, percent-encoded, base64."""
        for spelling in self._spellings:
            data = data.replace(spelling, b"***")
        return data

    def values(self) -> dict[str, Any]:
        """What the credential was made from, for whoever has to make it anew."""
        return dict(self._values)

    def __repr__(self) -> str:
        return f"<Credential {self._shown} from {self.source}>"

    def __reduce__(self) -> Any:
        raise TypeError("a Credential is not carried between processes; make it anew from where it came")


def _part(values: Mapping[str, Any], key: str, source: str, names: Mapping[str, str], *, bearer: bool = False) -> str:
    """One checked part; no error shows it."""
    name, value = names.get(key, key), values[key]
    if not isinstance(value, str):
        raise CredentialError(f"{name} from {source} is of type {type(value).__name__}, not str")
    if not value:
        raise CredentialError(f"{name} from {source} is empty")
    if bearer and not re.fullmatch(r"[\x21-\x7e]+", value):
        raise CredentialError(f"{name} from {source} holds a blank, a line break or another character no token has")
    if re.search(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]", value):
        raise CredentialError(f"{name} from {source} holds a line break or another control character")
    return value


def _spellings(secret: str, authorization: str) -> tuple[bytes, ...]:
    found = {secret, quote(secret, safe=""), authorization.partition(" ")[2]}
    found.add(base64.b64encode(secret.encode()).decode("ascii"))
    # The longest first: a spelling that holds another one must go as a whole.
    return tuple(sorted((s.encode() for s in found if len(s) >= _SHORTEST_SECRET), key=len, reverse=True))


def find_credential(argument: Mapping[str, Any] | None, tool: Callable[[], Mapping[str, Any]]) -> Credential | None:
    """The caller's credential: the argument's, else the environment's, else the ``abeja`` tool's, else None.

    Raises:
        CredentialError: One is there but incomplete or malformed.
    """
    if argument is not None:
        if not isinstance(argument, Mapping):
            raise CredentialError(f"credential is of type {type(argument).__name__}, not dict; {_HOW}")
        return Credential(argument, FROM_ARGUMENT)
    values = {key: os.environ.get(name) or None for key, name in _ENVIRONMENT.items()}
    if any(values.values()):
        return Credential(values, "the environment", _ENVIRONMENT)
    stored = tool()
    values = {key: stored.get(name) or None for key, name in _TOOL.items()}
    if any(values.values()):
        return Credential(values, "~/.abeja/config", _TOOL)
    return None


def required(credential: Credential | None) -> Credential:
    """The credential.

    Raises:
        CredentialError: There is none; the text names every way to give one.
    """
    if credential is None:
        raise CredentialError(f"no credential: {_HOW}")
    return credential
