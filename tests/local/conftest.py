"""A platform with code of the test's own."""

import pytest
from platforms import Place, Runner


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture
def runner(place):
    place.write("def handler(request, context): return {'content': 'done'}")
    with place.platform() as platform:
        yield Runner(platform)
