"""The Run API over HTTP: routes, checks, pages. Spoken to with nothing but urllib3."""

import json
import threading

import pytest
import urllib3
from platforms import Runner

from abeja_run.local.tokens import Tokens

TOKEN = "token-of-the-tests"


@pytest.fixture
def served(place):
    place.write("def handler(request, context):\n    for n in range(5): print(n)\n    return {}")
    with place.platform(credential={"auth_token": TOKEN}, page_size=3) as platform:
        platform.serve()
        yield platform


@pytest.fixture
def ask(served):
    """Ask the platform: status, JSON answer and headers. ``runs`` stands for the path of the runs."""
    pool = urllib3.PoolManager()
    runs = f"/organizations/{served.organization_id}/deployments/{served.deployment_id}/runs"

    def asking(method, path, body=None, headers=None, token=TOKEN):
        given = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None and not isinstance(body, bytes):
            body, given["Content-Type"] = json.dumps(body).encode(), "application/json"
        # The manager would tidy the path up; the pool sends it as it is.
        pool_of_one = pool.connection_from_url(served.url)
        answer = pool_of_one.urlopen(
            method,
            path.replace("runs", runs, 1) if path.startswith("runs") else path,
            body=body,
            headers={**given, **(headers or {})},
            redirect=False,
        )
        assert answer.headers["content-type"] == "application/json"
        return answer.status, json.loads(answer.data or b"{}"), answer.headers

    with pool:
        yield asking


@pytest.fixture
def body(served):
    return {"version_id": served.version_id, "environment": {}}


def test_a_run_is_created_and_told_of_with_every_field_of_the_reference(ask, body, served):
    given = {**body, "input_data": {"a": 1}, "models": {"alias": "33"}, "retry_count": 2, "distribution": 0}
    status, created, _ = ask("POST", "runs", {**given, "environment": {"A": "b"}})
    assert status == 200
    assert created["run_id"].startswith("run-")
    assert created["run_id"][4:].isdigit()
    assert created["created_at"].endswith("Z")
    del created["run_id"], created["created_at"], created["modified_at"]
    assert created == {
        "deployment_id": served.deployment_id,
        "model_version_id": served.version_id,
        "model_version": "0.0.1",
        "models": {"alias": "33"},
        "input_data": {"a": 1},
        "output_template": None,
        "retry_count": 2,
        "user_env_vars": {"A": "b"},
        "distribution": 0,
        "status": "SUBMITTED",
    }


def test_a_run_has_the_documented_defaults_and_only_its_creation_tells_the_distribution(ask, body):
    _, created, _ = ask("POST", "runs", body)
    assert (created["retry_count"], created["distribution"], created["input_data"], created["models"]) == (
        5,
        None,
        None,
        {},
    )
    _, told, _ = ask("GET", f"runs/{created['run_id']}")
    assert "distribution" not in told


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({}, None),
        ({}, "wrong"),
        ({"Authorization": "Basic dXNlcg=="}, None),
        ({"Authorization": "Bearer t\xf6ken"}, None),
    ],
)
def test_a_wrong_or_missing_credential_is_401(ask, headers, token):
    status, answer, got = ask("GET", "runs", headers=headers, token=token)
    assert (status, answer["error"]) == (401, "unauthorized")
    assert "credential" in answer["error_description"] or "Authorization" in answer["error_description"]
    assert got["WWW-Authenticate"] == "Bearer"
    assert TOKEN not in json.dumps(answer)


def test_a_user_with_a_personal_access_token_is_let_in(place):
    place.write("def handler(r, c): return {}")
    with place.platform(credential={"user_id": "12", "personal_access_token": "pat"}) as platform:
        assert Runner(platform).run()[0] == "SUCCEEDED"


def test_another_organization_is_403_and_what_does_not_exist_404(ask, served, body):
    organization, deployment = served.organization_id, served.deployment_id
    for path, status, told in (
        (f"/organizations/1/deployments/{deployment}/runs", 403, "'1'"),
        (f"/organizations/{organization}/deployments/2/runs", 404, "deployment '2'"),
        (f"/organizations/{organization}/deployments/{deployment}/runs/run-9", 404, "run 'run-9'"),
        (f"/organizations/{organization}/deployments/{deployment}/runs/run-9/logs", 404, "run 'run-9'"),
        (f"/organizations/{organization}/deployments/{deployment}/runs/run-9/recentlogs", 404, "run 'run-9'"),
        ("/elsewhere", 404, "/elsewhere"),
        ("/", 404, "/"),
    ):
        got, answer, _ = ask("GET", path)
        assert (got, told in answer["error_description"]) == (status, True), answer
    status, answer, _ = ask("POST", "runs", {**body, "version_id": "ver-9"})
    assert (status, answer["error_description"]) == (404, "there is no version 'ver-9'")


@pytest.mark.parametrize(
    "path",
    ["runs/x%2Flogs", "runs/run-1%2F..%2F..", "runs//logs", "runs/%00", "runs/%FF", "runs/a%3Fb", "runs/../runs/x"],
)
def test_an_id_of_any_shape_is_an_unknown_run_and_never_another_endpoint(ask, path):
    assert ask("GET", path)[0] == 404


def test_a_list_answers_with_a_slash_at_its_end_too(ask, body):
    made = ask("POST", "runs", body)[1]["run_id"]
    for path in ("runs", "runs/"):
        assert [entry["run_id"] for entry in ask("GET", path)[1]["entries"]] == [made]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_405_with_those_that_are_allowed(ask, method):
    status, answer, headers = ask(method, "runs")
    assert (status, answer["error"]) == (405, "method_not_allowed")
    assert {"GET", "POST"} <= set(headers["Allow"].split(", "))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"version_id": None}, "version_id"),
        ({"version_id": ""}, "version_id"),
        ({"retry_count": 10}, "retry_count"),
        ({"retry_count": "5"}, "retry_count"),
        ({"retry_count": None}, "retry_count"),
        ({"environment": {"A": 1}}, "environment"),
        ({"environment": []}, "environment"),
        ({"input_data": "text"}, "input_data"),
        ({"models": {"beta": "1"}}, "models"),
        ({"models": "1"}, "models"),
        ({"unheard_of": 1}, "unheard_of"),
    ],
)
def test_a_bad_body_is_400_and_names_what_was_wrong(ask, body, change, named):
    status, answer, _ = ask("POST", "runs", {**body, **change})
    assert (status, answer["error"]) == (400, "bad_request")
    assert named in answer["error_description"]
    assert named in answer["error_detail"]
    assert ask("GET", "runs")[1]["entries"] == []


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"version_id": NaN}', 400),
        (b'{"version_id": "ver-1", "input_data": {"a": 1e999}}', 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b'{"retry_count": ' + b"9" * 5000 + b"}", 400),
        (b" " * (10 * 1024 * 1024 + 1), 413),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(ask, data, status):
    got, answer, _ = ask("POST", "runs", data, {"Content-Type": "application/json"})
    assert got == status
    assert "body" in answer["error_description"]


def test_a_body_of_another_content_type_is_refused(ask, body):
    status, answer, _ = ask("POST", "runs", json.dumps(body).encode(), {"Content-Type": "text/plain"})
    assert (status, "content type" in answer["error_description"]) == (400, True)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("scan_forward=maybe", "scan_forward"),
        ("scan_forward=true", "scan_forward"),
        ("next_page_token=x", "next_page_token"),
        ("next_page_token=%C3%A9", "next_page_token"),
        ("limit=5", "limit"),
        ("scan_forward=True&scan_forward=False", "scan_forward"),
    ],
)
def test_a_bad_query_is_400_and_names_what_was_wrong(ask, query, named):
    status, answer, _ = ask("GET", f"runs?{query}")
    assert (status, named in answer["error_description"], named in answer["error_detail"]) == (400, True, True)


def test_a_query_where_none_belongs_is_400(ask, body):
    run_id = ask("POST", "runs", body)[1]["run_id"]
    assert ask("GET", f"runs/{run_id}?x=1")[0] == 400
    for query in ("start_time=yesterday", "end_time=2018-01-01", "next_token=x"):
        assert ask("GET", f"runs/{run_id}/logs?{query}")[0] == 400
    assert ask("GET", f"runs/{run_id}/recentlogs?next_forward_token=x")[0] == 400


def test_pages_of_runs_are_stable_while_new_runs_arrive(ask, body):
    made = [ask("POST", "runs", body)[1]["run_id"] for _ in range(7)]
    for forward, expected in ((False, made[::-1]), (True, made)):
        found, query = [], f"?scan_forward={forward}"
        while query is not None:
            _, page, _ = ask("GET", f"runs{query}")
            found += [entry["run_id"] for entry in page["entries"]]
            assert len(page["entries"]) <= 3
            if not forward:
                ask("POST", "runs", body)
            query = f"?next_page_token={page['next_page_token']}" if "next_page_token" in page else None
        assert found[: len(expected)] == expected
        assert len(found) == len(set(found))


def test_a_token_of_another_order_or_list_is_400(ask, body):
    runs = [ask("POST", "runs", body)[1]["run_id"] for _ in range(5)]
    token = ask("GET", "runs")[1]["next_page_token"]
    assert ask("GET", f"runs?scan_forward=True&next_page_token={token}")[0] == 400
    assert ask("GET", f"runs?scan_forward=False&next_page_token={token}")[0] == 200
    assert ask("GET", f"runs/{runs[0]}/logs?next_token={token}")[0] == 400


def finished(served, count=1):
    runner = Runner(served)
    ids = [runner.create()["run_id"] for _ in range(count)]
    for run_id in ids:
        assert runner.finish(run_id)["status"] == "SUCCEEDED"
    return ids


def test_pages_of_a_log_go_from_the_oldest_event_to_the_newest(ask, served):
    run, other = finished(served, 2)
    _, first, _ = ask("GET", f"runs/{run}/logs")
    _, second, _ = ask("GET", f"runs/{run}/logs?next_token={first['next_token']}")
    assert [event["message"] for page in (first, second) for event in page["events"]] == ["0", "1", "2", "3", "4"]
    assert "next_token" not in second
    times = [event["timestamp"] for event in first["events"]]
    assert times == sorted(times)
    assert ask("GET", f"runs/{other}/logs?next_token={first['next_token']}")[0] == 400


def test_recent_pages_go_from_the_newest_event_both_ways_and_always_have_both_tokens(ask, served):
    (run,) = finished(served)

    def page(query=""):
        _, found, _ = ask("GET", f"runs/{run}/recentlogs{query}")
        assert {"next_backward_token", "next_forward_token"} <= set(found)
        return [event["message"] for event in found["events"]], found

    newest, found = page()
    older, beyond = page(f"?next_backward_token={found['next_backward_token']}")
    assert (newest, older) == (["4", "3", "2"], ["1", "0"])
    end, back = page(f"?next_backward_token={beyond['next_backward_token']}")
    assert end == []
    assert page(f"?next_backward_token={back['next_backward_token']}")[0] == []
    assert page(f"?next_forward_token={back['next_forward_token']}")[0] == ["2", "1", "0"]
    assert page(f"?next_forward_token={beyond['next_forward_token']}")[0] == ["4", "3", "2"]
    nothing, at_end = page(f"?next_forward_token={found['next_forward_token']}")
    assert nothing == []
    assert page(f"?next_backward_token={at_end['next_backward_token']}")[0] == ["4", "3", "2"]
    token = found["next_forward_token"]
    assert ask("GET", f"runs/{run}/recentlogs?next_forward_token={token}&next_backward_token={token}")[0] == 400


def test_times_bound_a_log_by_whole_seconds(ask, served):
    (run,) = finished(served)
    second = ask("GET", f"runs/{run}/logs")[1]["events"][0]["timestamp"][:19]
    for path in ("logs", "recentlogs"):
        assert ask("GET", f"runs/{run}/{path}?start_time={second}")[1]["events"]
        assert ask("GET", f"runs/{run}/{path}?end_time={second}")[1]["events"]
        assert not ask("GET", f"runs/{run}/{path}?start_time=2099-01-01T00:00:00")[1]["events"]
        assert not ask("GET", f"runs/{run}/{path}?end_time=2001-01-01T00:00:00")[1]["events"]
        assert not ask("GET", f"runs/{run}/{path}?start_time=0001-01-01T00:00:00&end_time=0001-01-02T00:00:00")[1][
            "events"
        ]


def test_two_threads_that_submit_at_once_both_get_a_run(ask, body):
    ids = []

    def submit():
        for _ in range(20):
            ids.append(ask("POST", "runs", body)[1]["run_id"])

    threads = [threading.Thread(target=submit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == 80


def test_a_fault_of_the_platform_is_500_without_a_traceback_for_the_caller(place, caplog):
    place.write("def handler(r, c): return {}")
    with place.platform() as platform:
        runner = Runner(platform)
        runner.client.get_runs(*runner.ids)
        platform.app._store._connection.execute("DROP TABLE runs")
        answer = []
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": f"/organizations/{platform.organization_id}/deployments/{platform.deployment_id}/runs",
            "HTTP_AUTHORIZATION": f"Bearer {platform.credential['auth_token']}",
            "SERVER_NAME": "x",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
        }
        body = b"".join(platform.app(environ, lambda status, headers: answer.append(status)))
        assert answer[0].startswith("500")
        assert json.loads(body)["error"] == "internal_server_error"
        assert b"no such table" not in body
        assert "no such table" in caplog.text
        with pytest.raises(Exception, match="no such table"):
            platform.app._store.unfinished()


@pytest.mark.parametrize("token", ["", "a", "!!!", "é", "A" * 17])
def test_a_token_that_was_not_given_out_is_none(token):
    with pytest.raises(ValueError, match="no token"):
        Tokens("secret").read(token, "runs")
    with pytest.raises(ValueError, match="no token"):
        Tokens("other").read(Tokens("secret").write("runs", 1), "runs")


def test_numbers_too_large_for_json_are_refused(ask, body):
    text = json.dumps({**body, "input_data": {"a": 0.5}}).replace("0.5", "1e400").encode()
    status, told, _ = ask("POST", "runs", text, {"Content-Type": "application/json"})
    assert (status, told["error_description"]) == (400, "the body is not JSON: 1e400 is too large a number")
    status, told, _ = ask("POST", "runs", text.replace(b"1e400", b"1.5e300"), {"Content-Type": "application/json"})
    assert (status, told["input_data"]) == (200, {"a": 1.5e300})
