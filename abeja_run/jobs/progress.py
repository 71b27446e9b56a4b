"""A bar that shows how far a batch has come, on a terminal or in a notebook. The only place with tqdm."""

from __future__ import annotations

import importlib
from collections.abc import Sized
from typing import Any

from abeja_run.exceptions import MissingExtra
from abeja_run.jobs.plan import BatchResult

__all__ = ["Bar"]


class Bar:
    """A bar, shown while it is entered.

    Args:
        inputs: What there will be a result for each of; may know how many.

    Raises:
        MissingExtra: tqdm is not installed.
    """

    def __init__(self, inputs: object) -> None:
        try:
            self._make: Any = importlib.import_module("tqdm.auto").tqdm
        except ImportError as error:
            raise MissingExtra("progress=True needs tqdm: pip install 'abeja-run[progress]'") from error
        self._total = len(inputs) if isinstance(inputs, Sized) else None
        self._failed = 0
        self._bar: Any = None

    def count(self, result: BatchResult[Any]) -> None:
        """Show that a result is there."""
        if result.error is not None:
            self._failed += 1
            self._bar.set_postfix(failed=self._failed, refresh=False)
        self._bar.update()

    def __enter__(self) -> Bar:  # noqa: PYI034 - typing has no Self before Python 3.11
        self._bar = self._make(total=self._total, unit="input")
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
