"""The import that the platform's documentation shows."""

from abeja_run import APIClient

__all__ = ["APIClient"]
