"""How long faults are borne."""

import pytest

from abeja_run.exceptions import TransportError
from abeja_run.patience import Patience
from abeja_run.transports.base import Clock


def test_a_fault_after_a_long_silence_is_borne_because_nobody_had_asked():
    watch = Clock()
    patience = Patience(watch, 600.0)
    watch.waited(700.0)
    patience.bear(TransportError("lost"), "a test")
    watch.waited(700.0)
    with pytest.raises(TransportError):
        patience.bear(TransportError("lost"), "a test")
