"""The pytest plugin, in real sessions of pytest against a real server on loopback."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest
from servers import RUN, TOKEN, answer

pytest_plugins = ["pytester"]
# Each is a session of pytest of its own.
pytestmark = pytest.mark.proof

CONFTEST = f"""
    import os
    import pytest
    from abeja_run import APIClient

    @pytest.fixture
    def client(cassette_transport):
        url, token = os.environ["WIRE"], {TOKEN!r}
        return APIClient({{"auth_token": token}}, max_retry_count=0, base_url=url, transport=cassette_transport)
"""
IDS = '"1234567890123", "1111111111111"'
ONE = f"""
    def test_it(client):
        assert client.get_run({IDS}, "run-1")["status"]
"""
TWO = f"""
    def test_it(client):
        client.get_run({IDS}, "run-1")
        client.get_run({IDS}, "run-2")
"""


@pytest.fixture
def project(pytester, wire, monkeypatch):
    """A project with a client that talks through the cassette to the server."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("WIRE", wire.url)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    pytester.makeconftest(CONFTEST)
    return pytester


def run(project, *arguments):
    installed = importlib.metadata.entry_points(group="pytest11", name="abeja_run")
    plugin = () if installed else ("-p", "abeja_run.pytest_plugin")
    result = project.runpytest_subprocess(*plugin, "-p", "no:cacheprovider", *arguments)
    assert TOKEN not in result.stdout.str() + result.stderr.str()
    return result


def cassettes(project):
    """The files that are there now beside those of the project; none holds the credential."""
    written = [path for path in project.path.rglob("*") if path.is_file() and path.suffix not in (".py", ".ini")]
    assert all(TOKEN.encode() not in path.read_bytes() for path in written)
    names = (path.relative_to(project.path).as_posix() for path in written)
    return {name for name in names if not name.startswith(("runpytest-", "stdout", "stderr"))}


def other(wire):
    wire.otherwise = answer({**RUN, "status": "FAILED", "retry_count": 3})


def test_a_test_is_recorded_once_and_replayed_without_a_server(project, wire):
    project.makepyfile(test_module=ONE)
    result = run(project)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*cassettes*", "cassettes/test_module/test_it.json: recorded"])
    assert cassettes(project) == {"cassettes/test_module/test_it.json"}
    wire.close()
    result = run(project)
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*cassettes/*")
    assert len(wire.requests) == 1


@pytest.mark.parametrize("value", ["true", "1", "jenkins"])
def test_where_ci_is_set_nothing_is_sent(project, wire, monkeypatch, value):
    project.makepyfile(test_module=ONE)
    monkeypatch.setenv("CI", value)
    result = run(project)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*cassettes/test_module/test_it.json*--abeja-record=once*"])
    assert not wire.requests
    assert not cassettes(project)


def test_the_command_line_goes_before_ci_and_ci_before_the_configuration(project, wire, monkeypatch):
    project.makepyfile(test_module=ONE)
    project.makeini("[pytest]\nabeja_record = all\n")
    monkeypatch.setenv("CI", "true")
    assert run(project).ret == 1
    run(project, "--abeja-record=once").assert_outcomes(passed=1)
    run(project).assert_outcomes(passed=1)
    assert len(wire.requests) == 1
    monkeypatch.setenv("CI", "false")
    run(project).assert_outcomes(passed=1)
    assert len(wire.requests) == 2


def test_a_test_that_sends_nothing_needs_no_cassette(project, monkeypatch):
    project.makepyfile("def test_it(client): pass")
    run(project).assert_outcomes(passed=1)
    assert not cassettes(project)
    monkeypatch.setenv("CI", "true")
    run(project).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("mode", "sent", "passes"), [("none", 0, False), ("once", 0, False), ("new", 1, True), ("all", 2, True)]
)
def test_a_request_that_is_not_in_the_cassette(project, wire, mode, sent, passes):
    project.makepyfile(test_module=ONE)
    run(project).assert_outcomes(passed=1)
    wire.requests.clear()
    project.makepyfile(test_module=TWO)
    result = run(project, f"--abeja-record={mode}")
    result.assert_outcomes(passed=int(passes), failed=int(not passes))
    assert len(wire.requests) == sent
    if not passes:
        result.stdout.fnmatch_lines(["*NoMatchingInteraction*", "*run-2*"])
    else:
        wire.close()
        run(project, "--abeja-record=none").assert_outcomes(passed=1)


def test_verify_fails_where_the_answer_is_another(project, wire):
    project.makepyfile(test_module=ONE)
    run(project).assert_outcomes(passed=1)
    before = project.path.joinpath("cassettes/test_module/test_it.json").read_bytes()
    run(project, "--abeja-record=verify").assert_outcomes(passed=1)
    other(wire)
    result = run(project, "--abeja-record=verify")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*retry_count*"])
    assert len(wire.requests) == 3
    assert project.path.joinpath("cassettes/test_module/test_it.json").read_bytes() == before


ENDINGS = ["assert False", "raise KeyboardInterrupt", "import pytest; pytest.skip()", "import os; os._exit(1)"]


@pytest.mark.parametrize(
    ("mode", "ending"), [*(("once", ending) for ending in ENDINGS), ("new", ENDINGS[0]), ("all", ENDINGS[0])]
)
def test_a_test_that_does_not_pass_leaves_the_cassettes_as_they_were(project, wire, mode, ending):
    failing = f"{ONE}        {ending}\n"
    project.makepyfile(test_module=failing)
    result = run(project, f"--abeja-record={mode}")
    result.stdout.no_fnmatch_line("*: recorded")
    assert len(wire.requests) == 1
    assert not cassettes(project)
    assert not project.path.joinpath("cassettes").exists()
    if "False" in ending:
        result.stdout.fnmatch_lines(
            ["cassettes/test_module/test_it.json: not recorded, the test did not pass; what there was is in *.json"]
        )


def test_a_recording_that_fails_anew_keeps_the_one_there_was(project, wire):
    project.makepyfile(test_module=ONE)
    run(project)
    (name,) = cassettes(project)
    before = project.path.joinpath(name).read_bytes()
    other(wire)
    project.makepyfile(test_module=f"{ONE}        assert False\n")
    run(project, "--abeja-record=all").assert_outcomes(failed=1)
    assert project.path.joinpath(name).read_bytes() == before
    project.makepyfile(test_module=ONE)
    run(project, "--abeja-record=all").assert_outcomes(passed=1)
    assert project.path.joinpath(name).read_bytes() != before


def test_unplayed_interactions_are_reported_or_an_error(project):
    project.makepyfile(test_module=TWO)
    run(project)
    project.makepyfile(test_module=ONE)
    told = ["cassettes/test_module/test_it.json: not played: *run-2*"]
    result = run(project)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(told)
    result = run(project, "--abeja-unplayed=error")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(told)
    project.makeini("[pytest]\nabeja_unplayed = error\n")
    run(project).assert_outcomes(passed=1, errors=1)
    run(project, "--abeja-unplayed=report").assert_outcomes(passed=1)


def test_what_a_failing_test_left_unplayed_is_not_told(project):
    project.makepyfile(test_module=TWO)
    run(project)
    project.makepyfile(test_module=f"{ONE}        assert False\n")
    result = run(project, "--abeja-unplayed=error")
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*not played*")


MANY = f"""
    import pytest

    @pytest.mark.parametrize("number", range(8))
    def test_it(client, number):
        client.get_run({IDS}, f"run-{{number}}")
"""


def test_workers_of_xdist_record_replay_and_report(project, wire):
    pytest.importorskip("xdist")
    project.makepyfile(test_module=MANY)
    result = run(project, "-n", "2")
    result.assert_outcomes(passed=8)
    result.stdout.fnmatch_lines([f"cassettes/test_module/test_it-{number}.json: recorded" for number in range(8)])
    assert len(cassettes(project)) == 8
    project.makepyfile(test_module=MANY.replace("client.get_run", "return\n        client.get_run"))
    result = run(project, "-n", "2", "-W", "ignore")
    result.assert_outcomes(passed=8)
    result.stdout.fnmatch_lines([f"cassettes/test_module/test_it-{number}.json: not played: *" for number in range(8)])
    run(project, "-n", "2", "-W", "ignore", "--abeja-unplayed=error").assert_outcomes(passed=8, errors=8)
    assert len(wire.requests) == 8


SHARED = f"""
    import pytest

    @pytest.mark.cassette("shared")
    @pytest.mark.parametrize("number", range(2))
    def test_it(client, number):
        client.get_run({IDS}, "run-1")
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_shared_cassette_is_written_by_one_test_and_played_by_all(project, wire, workers):
    project.makepyfile(test_module=SHARED)
    result = run(project, *workers)
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*test_module.py::test_it?0? shares the cassette shared.json with *run one of them*"])
    assert not wire.requests
    run(project, "-k", "0", *workers).assert_outcomes(passed=1)
    run(project, *workers).assert_outcomes(passed=2)
    assert cassettes(project) == {"cassettes/test_module/shared.json"}


def test_every_test_has_a_cassette_of_its_own_inside_the_folder(project):
    calls = f"client.get_run({IDS}, 'run-1')"
    hostile = [
        "../../out",
        "/etc/passwd",
        "a/b",
        "a:b",
        "a_b",
        "nul\0",
        "é",
        "x" * 500,
        "x" * 501,
        "",
        ".",
        "C:\\x",
        "%2e",
    ]
    project.makepyfile(
        test_module=f"""
        import pytest

        class TestA:
            class TestInner:
                def test_it(self, client): {calls}
            def test_it(self, client): {calls}

        class TestB(TestA): pass

        @pytest.mark.parametrize("id", range({len(hostile)}), ids={hostile!r})
        def test_it(client, id): {calls}

        @pytest.mark.cassette("named/by-hand")
        def test_named(client): {calls}

        @pytest.mark.cassette(name="by_keyword")
        def test_keyword(client): {calls}
        """
    )
    project.mkpydir("nested")
    project.path.joinpath("nested", "test_module.py").write_text(f"def test_it(client): {calls}\n")
    result = run(project)
    result.assert_outcomes(passed=len(hostile) + 7)
    found = cassettes(project)
    assert len(found) == len(hostile) + 7
    assert found >= {
        "cassettes/test_module/TestA.test_it.json",
        "cassettes/test_module/TestA.TestInner.test_it.json",
        "cassettes/test_module/TestB.test_it.json",
        "cassettes/test_module/named/by-hand.json",
        "cassettes/test_module/by_keyword.json",
        "nested/cassettes/test_module/test_it.json",
    }
    assert all(name.removeprefix("nested/").startswith("cassettes/test_module/") for name in found)


@pytest.mark.parametrize(
    "name", ["'../out'", "'/out'", "'a/../../out'", "'.hidden'", "''", "'a//b'", "3", "'a', 'b'", "'é'"]
)
def test_a_name_that_could_lead_elsewhere_is_refused(project, wire, name):
    project.makepyfile(
        test_module=f"import pytest\npytestmark = pytest.mark.cassette({name})\n{ONE.replace('    def', 'def')}"
    )
    result = run(project)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the name of a cassette is one str of letters*"])
    assert not wire.requests


def test_a_link_that_leads_out_of_the_folder_is_refused(project, wire):
    project.makepyfile(test_module=ONE)
    project.mkdir("elsewhere")
    project.mkdir("cassettes").joinpath("test_module").symlink_to(project.path / "elsewhere")
    result = run(project)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*points out of*"])
    assert not wire.requests


def test_options_of_the_marker_reach_the_cassette(project, wire):
    project.makepyfile(test_module=ONE)
    run(project)
    twice = "import pytest\n@pytest.mark.cassette(repeat='last')\ndef test_it(client):\n" + (
        f"    client.get_run({IDS}, 'run-1')\n" * 2
    )
    project.makepyfile(test_module=twice.replace("repeat='last'", ""))
    run(project).assert_outcomes(failed=1)
    project.makepyfile(test_module=twice)
    run(project).assert_outcomes(passed=1)


def test_a_recording_is_made_from_what_the_project_says(project, wire):
    project.makeconftest(
        CONFTEST
        + """
    from abeja_run.messages import Response
    from abeja_run.transports import Transport

    class Canned(Transport):
        leaves_process = False

        def send(self, request, timeout):
            return Response(200, {"content-type": "application/json"}, b'{"status": "CANNED"}')

    @pytest.fixture(scope="session")
    def cassette_inner_transport():
        return Canned()
    """
    )
    project.makepyfile(test_module=ONE)
    run(project).assert_outcomes(passed=1)
    assert not wire.requests
    assert b"CANNED" in project.path.joinpath("cassettes/test_module/test_it.json").read_bytes()


def test_a_setting_of_the_configuration_that_is_none_is_named(project):
    project.makepyfile(test_module=ONE)
    project.makeini("[pytest]\nabeja_record = sometimes\n")
    result = run(project)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*abeja_record is 'sometimes' in the configuration file, not one of none, once*"])


def test_the_marker_is_known_and_the_options_are_explained(project):
    run(project, "--markers").stdout.fnmatch_lines(["@pytest.mark.cassette(name=None, **options):*"])
    run(project, "--help").stdout.fnmatch_lines(["*--abeja-record=MODE*", "*--abeja-unplayed=WHAT*"])
    assert run(project, "--abeja-record=sometimes").ret == pytest.ExitCode.USAGE_ERROR


def test_loading_the_plugin_imports_neither_transports_nor_extras():
    check = "import abeja_run.pytest_plugin, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout.split()
    assert not {"requests", "werkzeug", "waitress", "click", "rich"} & set(loaded)
