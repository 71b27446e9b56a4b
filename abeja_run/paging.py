"""All items of an endpoint whose answers are pages, by the cursor that its descriptor declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from abeja_run.descriptors import Endpoint
from abeja_run.dispatch import Dispatcher
from abeja_run.exceptions import unusable
from abeja_run.exchange import Exchange, Terms
from abeja_run.messages import Request

__all__ = ["Walk", "iterate"]


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
        self._cursor = endpoint.pages
        self._arguments = arguments
        self._request: Request | None = terms.prepare(endpoint, arguments)

    def step(self) -> Exchange | None:
        """The call for the next page, whose time begins now; None when there are no more."""
        if self._request is None:
            return None
        return Exchange(self._terms, self._endpoint, self._request)

    def items(self, page: Mapping[str, Any]) -> list[Any]:
        """The items of a page; afterwards :meth:`step` is for the next.

        Raises:
            InvalidResponse: It is no page.
        """
        cursor = self._cursor
        items = page.get(cursor.items)
        if not isinstance(items, list):
            told = f"the answer to {self._endpoint.name} has no list {cursor.items!r}"
            raise unusable(told, page, self._endpoint.template)
        token = page.get(cursor.token)
        # A service that names the page just read as the next one has no more.
        if not token or token == self._arguments[cursor.token] or (cursor.until_empty and not items):
            self._request = None
        else:
            self._arguments = {**self._arguments, cursor.token: token}
            self._request = self._terms.prepare(self._endpoint, self._arguments)
        return items


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
