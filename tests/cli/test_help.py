"""What the command says of itself: complete and of one kind, and nowhere a place for a secret."""

import re

import click
import pytest

from abeja_run.cli.command import group
from abeja_run.client import APIClient
from abeja_run.methods import methods


def commands(command, words=()):
    """Every command under a command, by the words that it is called with."""
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name="abeja-run")
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*words, name))


ALL = dict(commands(group))


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_the_help_of_every_command_is_complete(command, words):
    done = command(*words, "--help")
    assert (done.code, done.err) == (0, "")
    told = " ".join(done.out.split())
    assert re.search(r"Exit codes: 0 done; 1 [^;]+; 2 wrong usage, [^;]+; 130 interrupted; 141 [^;]+\.$", told)
    listed = done.out.partition("\nCommands:\n")[2].partition("\n\n")[0].splitlines()
    assert not [line for line in listed if line.endswith("...")]
    for parameter in ALL[words].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.opts
            assert parameter.help[0].isupper(), parameter.help
            assert parameter.help.endswith((".", "…")), parameter.help
            assert not parameter.help.endswith(".."), parameter.help


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_no_option_takes_a_credential_where_everyone_on_the_machine_could_read_it(words):
    for parameter in ALL[words].params:
        assert not re.search("password|secret|credential|auth|access_token", str(parameter.name))


def test_every_variable_of_the_environment_that_counts_is_named_in_the_help(command):
    told = command("--help").out
    for name in (
        *("PLATFORM_AUTH_TOKEN", "ABEJA_PLATFORM_USER_ID", "ABEJA_PLATFORM_PERSONAL_ACCESS_TOKEN"),
        *("ABEJA_PLATFORM_DATASOURCE_ID", "ABEJA_PLATFORM_DATASOURCE_SECRET", "ABEJA_API_URL"),
        *("ABEJA_SDK_CONNECTION_TIMEOUT", "ABEJA_SDK_MAX_RETRY_COUNT"),
    ):
        assert name in told
    for command_ in ALL.values():
        for parameter in command_.params:
            if parameter.envvar and command_ in group.commands.values():
                assert parameter.envvar in told


def test_every_method_of_the_client_is_reached_by_a_command(command):
    """Those over all pages and those that wait are options of their endpoint's command."""
    reached = set()
    for resource in APIClient.resources:
        for endpoint in resource.endpoints.values():
            flags = {flag for parameter in ALL["api", endpoint.name].params for flag in parameter.opts}
            for method in methods(endpoint):
                flag = {"_iterate": "--all", "_wait": "--wait"}.get(method.target)
                if flag is None or flag in flags:
                    reached.add(method.name)
    assert reached == {
        method.name
        for resource in APIClient.resources
        for endpoint in resource.endpoints.values()
        for method in methods(endpoint)
    }


@pytest.mark.parametrize("words", [(), ("api",), ("cassette",)])
def test_a_group_without_a_command_shows_its_help_and_is_wrong_usage(command, words):
    done = command(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err == command(*words, "--help").out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("lst",), "No such command 'lst'. Did you mean list?"),
        (("api", "get_runn"), "No such command 'get_runn'. Did you mean get_run"),
        (("api", "get-run-log"), "No such command 'get-run-log'. Did you mean get_run_logs"),
        (("cassette", "chek"), "No such command 'chek'. Did you mean check?"),
        (("api", "nonsense"), "No such command 'nonsense'. See 'abeja-run api --help'."),
    ],
)
def test_a_command_that_nobody_knows_is_told_with_those_that_may_be_meant(command, words, told):
    done = command(*words)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert told in done.err
