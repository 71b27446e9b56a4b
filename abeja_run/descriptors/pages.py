"""How the pages of an endpoint follow each other, as its descriptor declares it.

A further way is a further subclass: nothing else has to know it.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from abeja_run.messages import Headers

__all__ = ["Cursor", "Links", "Offset", "Pages"]


class Pages(ABC):
    """Gives the client an iterator over the items of all pages.

    Attributes:
        name: The iterator's name, a method of the client.
        items: The field of the answer that lists a page's items; empty where the answer is itself the list.
    """

    name: str
    items: str

    @abstractmethod
    def after(
        self, arguments: Mapping[str, Any], page: Any, items: list[Any], headers: Headers
    ) -> Mapping[str, Any] | str | None:
        """How the next page is asked for.

        Args:
            arguments: Those that this page was asked for with.
            page: The answer.
            items: Its items.
            headers: Its header fields.

        Returns:
            Arguments, or an address; None when there is no further page.
        """

    def faults(self, parameters: Collection[str], told: Collection[str]) -> Iterator[str]:
        """What is wrong with the declaration.

        Args:
            parameters: The names of the endpoint's parameters.
            told: The names of the fields of its answer.
        """
        yield from ()


@dataclass(frozen=True)
class Cursor(Pages):
    """Each page names the next one by a token.

    Attributes:
        name: The iterator's name, a method of the client.
        items: The field of the answer that lists a page's items.
        token: The field of the answer that names the next page.
        until_empty: The end is a page without items, because there is always a token. Otherwise the last page
            is the one without a token.
        parameter: The parameter that asks for a page; by default of the same name as the token.

    Example:
        >>> pages = Cursor("iter_runs", items="entries", token="next_page_token")
        >>> pages.after({"next_page_token": None}, {"next_page_token": "2"}, [1], Headers())
        {'next_page_token': '2'}
    """

    name: str
    items: str
    token: str
    until_empty: bool = False
    parameter: str = ""

    def after(
        self, arguments: Mapping[str, Any], page: Any, items: list[Any], headers: Headers
    ) -> Mapping[str, Any] | str | None:
        """The arguments with the token."""
        asks = self.parameter or self.token
        token = page.get(self.token)
        # A service that names the page just read as the next one has no more.
        if not token or token == arguments[asks] or (self.until_empty and not items):
            return None
        return {**arguments, asks: token}

    def faults(self, parameters: Collection[str], told: Collection[str]) -> Iterator[str]:
        """What is wrong with the declaration."""
        if (self.parameter or self.token) not in parameters:
            yield f"{self.parameter or self.token!r} is not a parameter"
        if self.token not in told:
            yield f"{self.token!r} is not a field of the answer"
        if not self.items:
            yield "a token is a field of the answer, so the items must be one too"


@dataclass(frozen=True)
class Offset(Pages):
    """A page begins after so many items and holds at most so many.

    The end is a page that is empty, or one with fewer items than ``limit``, where the caller has given that, or the
    page that reaches ``total``.

    Attributes:
        name: The iterator's name, a method of the client.
        items: The field of the answer that lists a page's items; empty where the answer is itself the list.
        offset: The parameter that says after how many items a page begins; from 0.
        limit: The parameter that says how many items a page holds at most; empty if there is none.
        total: The field of the answer that tells how many items there are; empty if there is none.

    Example:
        >>> Offset("iter_things", items="things", limit="limit").after({"offset": 4, "limit": 2}, {}, [1, 2], Headers())
        {'offset': 6, 'limit': 2}
    """

    name: str
    items: str = ""
    offset: str = "offset"
    limit: str = ""
    total: str = ""

    def after(
        self, arguments: Mapping[str, Any], page: Any, items: list[Any], headers: Headers
    ) -> Mapping[str, Any] | str | None:
        """The arguments with the offset of what follows."""
        following = (arguments[self.offset] or 0) + len(items)
        limit = arguments[self.limit] if self.limit else None
        total = page.get(self.total) if self.total else None
        # A service may hold pages shorter than was asked for: where it tells the total, that decides.
        last = following >= total if isinstance(total, int) else limit is not None and len(items) < limit
        return None if not items or last else {**arguments, self.offset: following}

    def faults(self, parameters: Collection[str], told: Collection[str]) -> Iterator[str]:
        """What is wrong with the declaration."""
        for name in filter(None, (self.offset, self.limit)):
            if name not in parameters:
                yield f"{name!r} is not a parameter"
        if self.total and self.total not in told:
            yield f"{self.total!r} is not a field of the answer"


@dataclass(frozen=True)
class Links(Pages):
    """Each answer names the address of the next page in its ``Link`` header (RFC 8288).

    An address on another host than the page's own is refused: it would be sent the credential.

    Attributes:
        name: The iterator's name, a method of the client.
        items: The field of the answer that lists a page's items; empty where the answer is itself the list.
        relation: The relation of the next page.

    Example:
        >>> Links("iter_things").after({}, [], [], Headers({"link": '</things?page=2>; rel="next"'}))
        '/things?page=2'
    """

    name: str
    items: str = ""
    relation: str = "next"

    def after(
        self, arguments: Mapping[str, Any], page: Any, items: list[Any], headers: Headers
    ) -> Mapping[str, Any] | str | None:
        """The address."""
        for address, told in re.findall(_LINK, headers.get("link", "")):
            relations = re.search(_RELATION, told, re.IGNORECASE)
            if relations and self.relation in (relations[1] or relations[2]).lower().split():
                return str(address)
        return None


_LINK = r"<([^<>]*)>((?:[^,\"<]|\"[^\"]*\")*)"
_RELATION = r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,]+))"
