"""Who the caller is, and that nobody else learns it."""

import base64
import copy
import json
import pickle

import pytest

from abeja_run import exceptions as e
from abeja_run.credentials import Credential, find_credential, required

SECRET = "p4ss/w0rd+of=the test"


def nothing():
    return {}


def basic(pair):
    return "Basic " + base64.b64encode(pair.encode()).decode()


@pytest.mark.parametrize(
    ("values", "header"),
    [
        ({"auth_token": "tok"}, "Bearer tok"),
        ({"user_id": "12", "personal_access_token": "pat"}, basic("user-12:pat")),
        ({"user_id": "user-12", "personal_access_token": "pat"}, basic("user-12:pat")),
        ({"datasource_id": "34", "datasource_secret": "sec"}, basic("datasource-34:sec")),
        ({"datasource_id": "datasource-34", "datasource_secret": "sec"}, basic("datasource-34:sec")),
        ({"auth_token": "tok", "user_id": "12", "personal_access_token": "pat"}, "Bearer tok"),
        ({"user_id": "12", "personal_access_token": "pässwörd"}, basic("user-12:pässwörd")),
    ],
)
def test_a_credential_becomes_the_header_of_the_reference(values, header):
    assert find_credential(values, nothing).authorization == header


@pytest.mark.parametrize(
    ("environment", "header"),
    [
        ({"PLATFORM_AUTH_TOKEN": "tok", "ABEJA_PLATFORM_USER_ID": "12"}, "Bearer tok"),
        ({"ABEJA_PLATFORM_USER_ID": "12", "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN": "pat"}, basic("user-12:pat")),
        ({"ABEJA_PLATFORM_DATASOURCE_ID": "34", "ABEJA_PLATFORM_DATASOURCE_SECRET": "s"}, basic("datasource-34:s")),
    ],
)
def test_the_environment_is_asked_in_the_order_of_the_reference(monkeypatch, environment, header):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert find_credential(None, nothing).authorization == header
    assert find_credential({"auth_token": "own"}, nothing).authorization == "Bearer own"


def test_the_tools_file_comes_last(monkeypatch):
    def tool():
        return {"abeja-platform-user": "56", "personal-access-token": "pat"}

    assert find_credential(None, tool).authorization == basic("user-56:pat")
    monkeypatch.setenv("PLATFORM_AUTH_TOKEN", "tok")
    assert find_credential(None, tool).authorization == "Bearer tok"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"user_id": "12"}, "no personal_access_token"),
        ({"personal_access_token": SECRET}, "no user_id"),
        ({"datasource_id": "12"}, "no datasource_secret"),
        ({}, "none of the keys"),
        ({"token": SECRET}, "none of the keys"),
        ({"auth_token": ""}, "empty"),
        ({"auth_token": f"{SECRET}\n"}, "line break"),
        ({"auth_token": "tökén-tökén"}, "character no token has"),
        ({"auth_token": 5}, "type int"),
        ({"auth_token": b"bytes-secret"}, "type bytes"),
        ({"user_id": "a:b", "personal_access_token": SECRET}, "colon"),
        ({"user_id": "a\nb", "personal_access_token": SECRET}, "control"),
        (SECRET, "type str"),
    ],
)
def test_a_half_or_malformed_credential_is_refused_without_showing_it(values, told):
    with pytest.raises(e.CredentialError, match=told) as caught:
        find_credential(values, nothing)
    assert SECRET not in str(caught.value)
    assert "tökén" not in str(caught.value)


def test_a_half_credential_in_the_environment_is_told_by_the_variables_names(monkeypatch):
    monkeypatch.setenv("ABEJA_PLATFORM_USER_ID", "12")
    with pytest.raises(e.CredentialError, match="ABEJA_PLATFORM_USER_ID but no ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"):
        find_credential(None, nothing)


def test_nothing_shows_the_secret():
    credential = Credential({"user_id": "12", "personal_access_token": SECRET}, "a test")
    assert repr(credential) == "<Credential user-12 from a test>"
    assert str(credential) == repr(credential)
    for carry in (pickle.dumps, json.dumps, copy.copy):
        with pytest.raises(TypeError):
            carry(credential)


def test_every_spelling_of_the_secret_is_blotted_out():
    credential = Credential({"user_id": "12", "personal_access_token": SECRET}, "a test")
    pair = base64.b64encode(f"user-12:{SECRET}".encode()).decode()
    for spelling in (SECRET, "p4ss%2Fw0rd%2Bof%3Dthe%20test", base64.b64encode(SECRET.encode()).decode(), pair):
        assert credential.redact(f"<{spelling}>".encode()) == b"<***>"


def test_no_credential_is_none_until_it_is_required():
    assert find_credential(None, nothing) is None
    with pytest.raises(e.CredentialError, match="no credential"):
        required(None)
