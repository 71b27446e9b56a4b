"""All items of an endpoint whose answers are pages, in the way that its descriptor declares."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin, urlsplit

from abeja_run.configuration import origin_of
from abeja_run.descriptors.endpoints import Endpoint
from abeja_run.dispatch import Dispatcher
from abeja_run.exceptions import unusable
from abeja_run.exchange import Exchange, Terms
from abeja_run.messages import Request

__all__ = ["Circle", "Walk", "iterate"]

_ADDRESS = r"[\x21-\x5b\x5d-\x7e]+"


class Circle:
    """Notices pages that lead back to earlier ones, in constant memory.

    Source: R. P. Brent, An improved Monte Carlo factorization algorithm, BIT 20 (1980), section 2.

    Example:
        >>> circle = Circle()
        >>> [circle.closed_by(page) for page in "abcdbcdb"]
        [False, False, False, False, False, True, False, False]
    """

    __slots__ = ("_kept", "_left", "_length")

    def __init__(self) -> None:
        self._kept: object = None
        self._length = self._left = 1

    def closed_by(self, page: object) -> bool:
        """Whether a page has been reached before; told within a few rounds of the circle.

        Args:
            page: What tells it from others, not None.
        """
        if page == self._kept:
            return True
        self._left -= 1
        if self._left == 0:
            self._kept = page
            self._length = self._left = 2 * self._length
        return False


class Walk:
    """A way through all pages of an endpoint: every decision of it, and no I/O.

    Carry out what :meth:`step` gives and hand the result to :meth:`items`, until there is no step.

    Args:
        terms: What holds for every call of the client.
        endpoint: What answers with pages.
        arguments: A value for every parameter; None for one that is not given.

    Raises:
        ValidationError: Arguments that cannot be sent.
    """

    def __init__(self, terms: Terms, endpoint: Endpoint, arguments: Mapping[str, Any]) -> None:
        assert endpoint.pages is not None  # noqa: S101 - the binding asks only endpoints that have them
        self._terms = terms
        self._endpoint = endpoint
        self._pages = endpoint.pages
        self._arguments = arguments
        self._request: Request | None = terms.prepare(endpoint, arguments)
        self._step: Exchange | None = None
        self._circle = Circle()

    def step(self) -> Exchange | None:
        """The call for the next page, whose time begins now; None when there are no more."""
        self._step = None if self._request is None else Exchange(self._terms, self._endpoint, self._request)
        return self._step

    def items(self, page: Any) -> list[Any]:
        """The items of a page; afterwards :meth:`step` is for the next.

        Raises:
            InvalidResponse: It is no page, points to another host, or leads back to an earlier page.
        """
        assert self._step is not None  # noqa: S101 - step() comes first
        name = self._pages.items
        items = page.get(name) if name and isinstance(page, Mapping) else page
        if not isinstance(items, list):
            told = f"the answer to {self._endpoint.name} has no list {name!r}" if name else "the answer is no list"
            raise unusable(told, page, self._endpoint.template)
        following = self._pages.after(self._arguments, page, items, self._step.headers)
        if isinstance(following, str):
            self._request = self._pointed(self._step.request, following)
        elif following is None:
            self._request = None
        else:
            self._arguments = following
            self._request = self._terms.prepare(self._endpoint, following)
        if self._request is not None and self._circle.closed_by((self._request.url, self._request.body)):
            raise unusable(f"the pages of {self._endpoint.name} lead in a circle", following, self._endpoint.template)
        return items

    def _pointed(self, request: Request, address: str) -> Request | None:
        """The request for an address that the service names; None where it is that of the page just read."""
        url = urljoin(request.url, address).partition("#")[0]
        if origin_of(url) != origin_of(request.url) or not re.fullmatch(_ADDRESS, url) or "@" in urlsplit(url).netloc:
            raise unusable("the next page is not on the host that was asked", address, request.url)
        return None if url == request.url else replace(request, url=url)


def iterate(dispatcher: Dispatcher, endpoint: Endpoint, arguments: Mapping[str, Any]) -> Iterator[Any]:
    """The items of all pages, each page asked for when it is reached.

    Raises:
        ValidationError: At once, before the first item is asked for.
        Error: While iterating, whatever the endpoint's own method raises.
    """
    return _items(dispatcher, Walk(dispatcher, endpoint, arguments))


def _items(dispatcher: Dispatcher, walk: Walk) -> Iterator[Any]:
    while (step := walk.step()) is not None:
        yield from walk.items(dispatcher.drive(step))
