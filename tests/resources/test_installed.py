"""Resources of other distributions: found by name, imported when looked up, named when broken."""

import itertools
import sys

import pytest

from abeja_run import APIClient
from abeja_run.descriptors import Resource
from abeja_run.exceptions import DescriptorError
from abeja_run.resources.installed import installed_resources

GOOD = """
from marshmallow import Schema
from abeja_run import GET, Endpoint, Resource

class Offered(Resource):
    path = "/offered"
    get_offered = Endpoint(GET, returns=Schema, summary="Get.")
"""
_numbers = itertools.count()


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Lays a distribution out as an installer does; the name of its module."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def installing(distribution, source, attribute="Offered", name="offered"):
        module = f"offering_{next(_numbers)}"
        (tmp_path / f"{module}.py").write_text(source)
        folder = tmp_path / f"{distribution.replace('-', '_')}-1.2.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (folder / "entry_points.txt").write_text(f"[abeja_run.resources]\n{name} = {module}:{attribute}\n")
        return module

    return installing


def test_a_resource_of_another_distribution_is_imported_when_it_is_looked_up(install):
    module = install("offering", GOOD)
    found = installed_resources()
    assert (list(found), len(found), "offered" in repr(found)) == (["offered"], 1, True)
    assert module not in sys.modules
    assert issubclass(found["offered"], Resource)

    class Client(APIClient, resources=[*found.values()]):
        pass

    assert "GET /offered" in Client.get_offered.__doc__
    with pytest.raises(KeyError):
        found["other"]


@pytest.mark.parametrize(
    ("source", "attribute", "told"),
    [
        ("import nonsense_that_is_not_there", "Offered", "cannot be imported: ModuleNotFoundError"),
        ("raise ValueError('oh')", "Offered", "cannot be imported: ValueError: oh"),
        (GOOD, "Missing", "cannot be imported: AttributeError"),
        (GOOD.replace('summary="Get."', 'summary=""'), "Offered", "DescriptorError: Offered.get_offered: summary"),
        ("Offered = 5", "Offered", "is not a subclass of Resource"),
    ],
)
def test_a_broken_offer_is_an_error_that_names_the_distribution(install, source, attribute, told):
    install("broken-things", source, attribute)
    found = installed_resources()
    with pytest.raises(DescriptorError, match=rf"^broken-things 1\.2: the resource 'offered', .*{told}"):
        found["offered"]


def test_two_offers_of_one_name_are_an_error_that_names_both(install):
    install("one", GOOD)
    install("two", GOOD)
    with pytest.raises(DescriptorError, match=r"^one 1\.2 and two 1\.2 both offer a resource named 'offered'$"):
        installed_resources()["offered"]
