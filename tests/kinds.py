"""Both kinds of client, called in the same way: what a test says of the one holds for the other."""

from __future__ import annotations

import asyncio
import functools
import inspect

from abeja_run import AsyncClient, Client
from abeja_run.asynchronous import async_cassette
from abeja_run.asynchronous.base import awaitable
from abeja_run.asynchronous.jobs import AsyncRun
from abeja_run.jobs import Run
from abeja_run.transports import cassette


class Called:
    """Makes clients that are not awaited."""

    name = "called"

    def client(self, *arguments, **settings):
        return Client(*arguments, **settings)

    def run(self, raw, organization_id, *arguments, **settings):
        return Run(self.client(organization_id, *arguments, **settings).api, organization_id, raw)

    def cassette(self, path, mode, inner, **settings):
        return cassette(path, mode, inner, **settings)

    def finish(self, function):
        return function()

    def close(self):
        pass


class Awaited:
    """Makes asynchronous clients that a test calls as if they were none, each step of them in one event loop."""

    name = "awaited"

    def __init__(self):
        self.loop = asyncio.new_event_loop()

    def client(self, *arguments, **settings):
        return Blocking(AsyncClient(*arguments, **settings), self.loop)

    def run(self, raw, organization_id, *arguments, **settings):
        api = AsyncClient(organization_id, *arguments, **settings).api
        return Blocking(AsyncRun(api, organization_id, raw), self.loop)

    def cassette(self, path, mode, inner, **settings):
        return async_cassette(path, mode, awaitable(inner), **settings)

    def finish(self, function):
        return self.loop.run_until_complete(function())

    def close(self):
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        assert not asyncio.all_tasks(self.loop)
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()


class Blocking:
    """An object whose coroutines are run to their end and whose asynchronous iterators are iterators."""

    def __init__(self, inner, loop):
        vars(self).update(inner=inner, loop=loop)

    def __getattr__(self, name):
        value = getattr(self.inner, name)
        return functools.partial(self._called, value) if inspect.ismethod(value) else value

    def __setattr__(self, name, value):
        setattr(self.inner, name, value)

    def __repr__(self):
        return repr(self.inner)

    def _called(self, method, *arguments, **keywords):
        result = method(*arguments, **keywords)
        if inspect.iscoroutine(result):
            result = self.loop.run_until_complete(result)
        if inspect.isasyncgen(result):
            return self._iterated(result)
        if result is self.inner:
            return self
        return Blocking(result, self.loop) if type(result).__module__.startswith("abeja_run.asynchronous") else result

    def _iterated(self, items):
        try:
            while True:
                try:
                    item = self.loop.run_until_complete(anext(items))
                except StopAsyncIteration:
                    return
                yield item
        finally:
            self.loop.run_until_complete(items.aclose())
