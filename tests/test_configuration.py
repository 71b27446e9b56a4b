"""Settings: arguments before the environment before the tool's file."""

import json
import os
from pathlib import Path

import pytest

from abeja_run import configuration
from abeja_run import exceptions as e


def write_tool(content):
    path = Path(os.environ["HOME"]) / ".abeja" / "config"
    path.parent.mkdir(exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize(("argument", "seconds"), [(None, 30), (5, 5), (0.1, 0.1), ("12", 12)])
def test_a_timeout_is_a_number_of_seconds_also_as_text(argument, seconds):
    assert configuration.timeout(argument) == seconds


@pytest.mark.parametrize("bad", [0, -1, float("nan"), float("inf"), 1e300, True, "soon", "", [], 10**400])
def test_any_other_timeout_is_refused_by_its_name(bad):
    with pytest.raises(e.ConfigurationError, match="timeout"):
        configuration.timeout(bad)


def test_the_environment_sets_what_arguments_leave_open(monkeypatch):
    monkeypatch.setenv("ABEJA_SDK_CONNECTION_TIMEOUT", "12")
    monkeypatch.setenv("ABEJA_SDK_MAX_RETRY_COUNT", " 2 ")
    monkeypatch.setenv("ABEJA_API_URL", "https://other.example/")
    assert configuration.timeout(None) == 12
    assert configuration.timeout(3) == 3
    assert configuration.max_retry_count(None) == 2
    assert configuration.max_retry_count(0) == 0
    assert configuration.base_url(None, dict) == "https://other.example"


@pytest.mark.parametrize("bad", [-1, 1.5, "x", True, "1"])
def test_a_bad_retry_count_is_refused(bad):
    with pytest.raises(e.ConfigurationError, match="max_retry_count"):
        configuration.max_retry_count(bad)


def test_a_bad_variable_is_told_by_its_name(monkeypatch):
    monkeypatch.setenv("ABEJA_SDK_MAX_RETRY_COUNT", "many")
    with pytest.raises(e.ConfigurationError, match="ABEJA_SDK_MAX_RETRY_COUNT"):
        configuration.max_retry_count(None)
    monkeypatch.setenv("ABEJA_SDK_CONNECTION_TIMEOUT", "long")
    with pytest.raises(e.ConfigurationError, match="ABEJA_SDK_CONNECTION_TIMEOUT"):
        configuration.timeout(None)


def test_without_anything_the_service_itself_is_meant():
    assert configuration.base_url(None, dict) == "https://api.abeja.io"


@pytest.mark.parametrize(
    "good", ["http://h.example", "https://h.example:8443/base/", "http://[::1]:80", "http://127.0.0.1"]
)
def test_a_base_url_loses_only_its_last_slash(good):
    assert configuration.base_url(good, dict) == good.rstrip("/")


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "h.example",
        "ftp://h.example",
        "https://",
        "https://h.example:99999",
        "https://h.example?x=1",
        "https://h.example#x",
        "https://h.example/a b",
        "https://h.example/\n",
        "https://h.example/../x",
        "https://hö.example",
        "https://h.example\\@evil.example",
        "http://[::1",
        5,
    ],
)
def test_a_base_url_of_another_form_is_refused(bad):
    with pytest.raises(e.ConfigurationError, match="base_url"):
        configuration.base_url(bad, dict)


def test_a_password_in_a_base_url_is_refused_and_not_shown():
    with pytest.raises(e.ConfigurationError) as caught:
        configuration.base_url("https://me:hunter2@h.example", dict)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "stays"),
    [
        ("http://127.0.0.1:80", True),
        ("http://127.9.9.9", True),
        ("http://[::1]", True),
        ("http://localhost:80", True),
        ("http://a.localhost", True),
        ("http://127.0.0.1.evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://127.1", False),
        ("http://0x7f000001", False),
        ("http://10.0.0.1", False),
        ("http://[::2]", False),
    ],
)
def test_loopback_is_only_what_surely_stays_on_this_machine(url, stays):
    assert configuration.is_loopback(url) is stays


def test_the_tools_file_gives_user_url_and_organization():
    write_tool({"abeja-platform-user": "1", "abeja-api-url": "https://t.example", "organization-name": "org"})
    tool = configuration.tool_configuration
    assert configuration.base_url(None, tool) == "https://t.example"
    assert configuration.organization_id(None) == "org"
    assert tool()["abeja-platform-user"] == "1"


def test_the_active_configuration_of_the_tools_file_counts():
    write_tool(
        {
            "abeja-platform-user": "1",
            "active-configuration-name": "work",
            "configurations": [
                {"configuration-name": "home"},
                {"configuration-name": "work", "abeja-platform-user": "2"},
            ],
        }
    )
    assert configuration.tool_configuration()["abeja-platform-user"] == "2"
    write_tool({"active-configuration-name": "gone", "configurations": [5]})
    with pytest.raises(e.ConfigurationError, match="gone"):
        configuration.tool_configuration()


@pytest.mark.parametrize("content", ['{"personal-access-token": "hunter2"', "[1]", "[" * 100_000, "\x00"])
def test_a_broken_file_is_told_without_its_content(content):
    write_tool(content)
    with pytest.raises(e.ConfigurationError, match="abeja/config") as caught:
        configuration.tool_configuration()
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_no_file_is_no_error_and_a_folder_in_its_place_is():
    assert configuration.tool_configuration() == {}
    (Path(os.environ["HOME"]) / ".abeja" / "config").mkdir(parents=True)
    with pytest.raises(e.ConfigurationError, match="cannot be read"):
        configuration.tool_configuration()


def test_an_organization_comes_from_the_argument_first(monkeypatch):
    with pytest.raises(e.ConfigurationError, match="ABEJA_ORGANIZATION_ID"):
        configuration.organization_id(None)
    monkeypatch.setenv("ABEJA_ORGANIZATION_ID", "env")
    assert configuration.organization_id(None) == "env"
    assert configuration.organization_id("own") == "own"
