"""All items of an endpoint whose answers are pages, by the cursor that its descriptor declares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from abeja_run.descriptors import Cursor, Endpoint
from abeja_run.dispatch import Dispatcher
from abeja_run.exceptions import unusable

__all__ = ["iterate"]


def iterate(dispatcher: Dispatcher, endpoint: Endpoint, arguments: Mapping[str, Any]) -> Iterator[Any]:
    """The items of all pages, each page asked for when it is reached.

    Raises:
        ValidationError: At once, before the first item is asked for.
        Error: While iterating, whatever the endpoint's own method raises.
    """
    cursor = endpoint.pages
    assert cursor is not None  # noqa: S101 - the binding asks only endpoints that have one
    dispatcher.prepare(endpoint, arguments)
    return _items(dispatcher, endpoint, arguments, cursor)


def _items(dispatcher: Dispatcher, endpoint: Endpoint, arguments: Mapping[str, Any], cursor: Cursor) -> Iterator[Any]:
    while True:
        page = dispatcher.call(endpoint, arguments)
        items = page.get(cursor.items)
        if not isinstance(items, list):
            raise unusable(f"the answer to {endpoint.name} has no list {cursor.items!r}", page, endpoint.template)
        yield from items
        token = page.get(cursor.token)
        # A service that names the page just read as the next one has no more.
        if not token or token == arguments[cursor.token] or (cursor.until_empty and not items):
            return
        arguments = {**arguments, cursor.token: token}
