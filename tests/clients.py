"""Clients with endpoints of a test's own."""

from __future__ import annotations

from servers import CREDENTIAL

from abeja_run import BaseClient, Resource


def resource(path="/things", variables=None, **endpoints):
    described = {"thing_id": "The thing.", "organization_id": "The organization.", **(variables or {})}
    return type("Things", (Resource,), {"path": path, "variables": described, **endpoints})


def client(url, path="/things", variables=None, credential=CREDENTIAL, settings=None, **endpoints):
    """A client of a class that has these endpoints."""
    made = type("Client", (BaseClient,), {}, resources=[resource(path, variables, **endpoints)])
    return made(credential, base_url=url, **(settings or {}))
