"""A client for the Run API of the ABEJA Platform, declared endpoint by endpoint.

>>> from abeja_run import APIClient
>>> client = APIClient({"auth_token": "…"})  # doctest: +SKIP
"""

from abeja_run._version import __version__
from abeja_run.base_client import BaseClient
from abeja_run.client import APIClient
from abeja_run.descriptors import DELETE, GET, PATCH, POST, PUT, Endpoint, Resource

__all__ = ["DELETE", "GET", "PATCH", "POST", "PUT", "APIClient", "BaseClient", "Endpoint", "Resource", "__version__"]
