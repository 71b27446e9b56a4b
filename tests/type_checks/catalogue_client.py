"""A client of the catalogue beside the runs. Its types stand in ``catalogue_client.pyi``."""

from __future__ import annotations

from catalogue import Catalogue

from abeja_run import APIClient
from abeja_run.resources.runs import Runs


class CatalogueClient(APIClient, resources=[Runs, Catalogue]):
    """All of it."""
