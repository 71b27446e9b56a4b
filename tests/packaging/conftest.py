"""Building and installing asks the registry that the machine's own settings name: its home stays as it is."""

import pytest


@pytest.fixture(autouse=True)
def _own_environment():
    """Instead of the one that clears the environment."""
