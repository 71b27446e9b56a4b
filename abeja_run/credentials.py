"""The one home of secrets: who the caller is, and how that is written into a request.

A :class:`Credential` never shows its secret, in ``repr`` or errors, and blots it out of foreign text.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from abeja_run.exceptions import CredentialError

__all__ = ["SHORTEST_SECRET", "Credential", "Secret", "find_credential", "required", "secret_of"]

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
SHORTEST_SECRET = 6


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

    __slots__ = ("_secret", "_shown", "_values", "authorization", "source")

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
            self._secret = Secret(secret, self.authorization.partition(" ")[2])
            return
        raise CredentialError(f"the credential from {source} has none of the keys known here; {_HOW}")

    def redact(self, data: bytes) -> bytes:
        """The same bytes with every spelling of the secret blotted out: plain, percent-encoded, base64."""
        if not self._secret.found(data):
            return data
        return self._secret.redact(data.decode("latin-1")).encode("latin-1")

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


class Secret:
    """A secret in every spelling: plain, percent-encoded, escaped in JSON, base64 also inside of something longer.

    Args:
        texts: What must not be seen. One of fewer than six characters is passed over: blotting it out would
            garble every text.

    Example:
        >>> Secret("hunter/22").redact("x=hunter%2f22&y=" + base64.b64encode(b"me:hunter/22").decode())
        'x=***&y=b***'
    """

    __slots__ = ("_pattern", "literals")

    #: Every spelling that has no ``%`` and no ``\\``: what holds neither these nor those holds no secret.
    literals: tuple[bytes, ...]

    def __init__(self, *texts: str) -> None:
        literals, patterns = set(), set()
        for text in texts:
            if len(text) < SHORTEST_SECRET:
                continue
            # Text of headers is read as Latin-1, whatever it is.
            literals |= {text, text.replace(" ", "+"), text.encode("utf-8", "surrogatepass").decode("latin-1")}
            patterns.add("".join(map(_spelt, text)))
            for core in _base64_cores(text):
                literals.add(core)
                # What stands on either side tells parts of the secret's ends.
                patterns.add(
                    "[A-Za-z0-9+/_-]{0,3}" + "".join(map(_spelt, core)) + "[A-Za-z0-9+/_-]{0,3}(?:=|%3[Dd]){0,2}"
                )
        self.literals = tuple(text.encode("utf-8", "surrogatepass") for text in literals)
        # The longest first: a spelling that holds another one must go as a whole.
        self._pattern = re.compile("|".join(sorted(patterns, key=len, reverse=True)) or "(?!)")

    def found(self, data: bytes) -> bool:
        """Whether the bytes hold the secret."""
        for literal in self.literals:
            if literal in data:
                return True
        return (b"%" in data or b"\\" in data) and bool(self._pattern.search(data.decode("latin-1")))

    def redact(self, text: str) -> str:
        """The same text with the secret blotted out."""
        return self._pattern.sub("***", text)


def secret_of(authorization: str) -> Secret:
    """The secret that an ``Authorization`` header carries."""
    payload = authorization.partition(" ")[2].strip() or authorization
    texts = [payload]
    with contextlib.suppress(ValueError):
        texts.append(base64.b64decode(payload, validate=True).decode().partition(":")[2])
    return Secret(*texts)


def _spelt(character: str) -> str:
    """A pattern of the ways to write one character."""
    data = character.encode("utf-8", "surrogatepass")
    units = character.encode("utf-16-be", "surrogatepass")
    ways = [
        re.escape(character) if character.isalnum() else r"\\*" + re.escape(character),
        # Encoded as often as one likes.
        "".join(f"%(?:25)*(?i:{byte:02x})" for byte in data),
        "".join(rf"\\+u(?i:{units[at : at + 2].hex()})" for at in range(0, len(units), 2)),
    ]
    if len(data) > 1:
        ways.append("".join(re.escape(chr(byte)) for byte in data))
    if character == " ":
        ways.append(r"\+")
    return f"(?:{'|'.join(ways)})"


def _base64_cores(text: str) -> set[str]:
    """What base64 makes of a text at each of the three places in a group of three bytes, without the ends."""
    data = text.encode("utf-8", "surrogatepass")
    cores = set()
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + data).decode("ascii")
        first = (before * 8 + 5) // 6
        core = whole[first : (before + len(data)) * 8 // 6]
        if len(core) >= SHORTEST_SECRET:
            cores |= {core, core.translate(str.maketrans("+/", "-_"))}
    return cores


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
