"""A client for the Run API of the ABEJA Platform, declared endpoint by endpoint.

>>> from abeja_run import APIClient
>>> client = APIClient({"auth_token": "…"})  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from abeja_run._version import __version__
from abeja_run.base_client import BaseClient
from abeja_run.client import APIClient
from abeja_run.descriptors import DELETE, GET, HEAD, PATCH, POST, PUT, Endpoint, Resource

if TYPE_CHECKING:
    from abeja_run.asynchronous import AsyncAPIClient
    from abeja_run.asynchronous.jobs import AsyncClient
    from abeja_run.jobs import Client

__all__ = [
    "DELETE",
    "GET",
    "HEAD",
    "PATCH",
    "POST",
    "PUT",
    "APIClient",
    "AsyncAPIClient",
    "AsyncClient",
    "BaseClient",
    "Client",
    "Endpoint",
    "Resource",
    "__version__",
]

#: What is imported when it is first asked for, so that nobody else pays for it.
_LATER = {
    "AsyncAPIClient": "abeja_run.asynchronous",
    "AsyncClient": "abeja_run.asynchronous.jobs",
    "Client": "abeja_run.jobs",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_LATER[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
