"""No secret reaches the disk, wherever it stands and however it is spelt."""

import base64
import json
import string
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from abeja_run.cassettes import Interaction, Redaction, load, save
from abeja_run.exceptions import InvalidResponse, Timeout
from abeja_run.messages import Headers, Request, Response

SECRETS = st.text(string.ascii_letters + string.digits + "+/=-_.~!@%&? é漢😀", min_size=6, max_size=40).filter(
    lambda text: text.strip() == text and len(set(text)) > 3
)


def every_byte(text):
    return "".join(f"%{byte:02x}" for byte in text.encode())


SPELLINGS = {
    "plain": lambda secret: secret,
    "percent": lambda secret: quote(secret, safe=""),
    "percent, lower": lambda secret: quote(secret, safe="").lower() if secret.lower() == secret else every_byte(secret),
    "percent, form": quote_plus,
    "percent, every byte": every_byte,
    "percent, twice": lambda secret: quote(quote(secret, safe=""), safe=""),
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64, urlsafe": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "base64, inside of more": lambda secret: base64.b64encode(f"user-1:{secret}:x".encode()).decode(),
    "base64, percent": lambda secret: quote(base64.b64encode(f"u:{secret}".encode()).decode(), safe=""),
    "JSON": lambda secret: json.dumps(secret)[1:-1],
    "JSON, every character": lambda secret: "".join(
        f"\\u{secret.encode('utf-16-be').hex()[at : at + 4]}" for at in range(0, len(secret.encode("utf-16-be")) * 2, 4)
    ),
}
#: Where it is planted: a function from a spelling to what stands around it.
PLACES = {
    "URL": lambda text: {"url": f"http://127.0.0.1/a/{quote(text, safe='%+=')}/b?x={quote(text, safe='%+=')}&y"},
    "request header": lambda text: {"headers": [("x-note", text.encode().decode("latin-1"))]},
    "response header": lambda text: {"answer_headers": [("x-note", text.encode().decode("latin-1"))]},
    "request body, JSON": lambda text: {"body": json.dumps({"a": ["b", {"c": f"x{text}y"}]}).encode()},
    "request body, JSON in JSON": lambda text: {"body": json.dumps({"input_data": json.dumps({"a": text})}).encode()},
    "name in JSON": lambda text: {"body": json.dumps({f"x{text}": 1}).encode()},
    "response body, JSON": lambda text: {"answer": json.dumps({"message": text}, ensure_ascii=False).encode()},
    "response body, text": lambda text: {"answer": f"<p>{text}</p>".encode()},
    "response body, binary": lambda text: {"answer": b"\xff\xfe" + text.encode() + b"\x00"},
    "response body, cut off JSON": lambda text: {"answer": f'{{"a": "{text}'.encode()},
    "fault": lambda text: {"fault": Timeout(f"timed out {text}")},
    "refused answer": lambda text: {
        "fault": InvalidResponse(text, status_code=200, content_type="", body=text, url="http://127.0.0.1/")
    },
}


def planted(
    authorization, *, url="http://127.0.0.1/a", headers=(), body=None, answer=b"{}", answer_headers=(), fault=None
):
    request = Request("POST", url, (("authorization", authorization), *headers), body)
    return Interaction(request, fault or Response(200, tuple(answer_headers), answer))


def visible(secret, data):
    """Whether any spelling is there for whoever reads the file."""
    text = data.decode()
    return any(spell(secret) in text for name, spell in SPELLINGS.items()) or secret in json.dumps(
        json.loads(text), ensure_ascii=False
    )


def authorizations(secret):
    if secret.isascii() and " " not in secret:  # no other can be sent like this
        yield f"Bearer {secret}"
    yield "Basic " + base64.b64encode(f"user-1:{secret}".encode()).decode()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SECRETS)
@example("abcdef")
@example("0001 2")
@example("p%20ss w/rd")
@example("a+b/c=d==")
def test_a_planted_secret_is_in_no_place_in_no_spelling(tmp_path, secret):
    path = tmp_path / "cassette.json"
    for authorization in authorizations(secret):
        interactions = []
        for spell in SPELLINGS.values():
            for place in PLACES.values():
                interactions.append(planted(authorization, **place(spell(secret))))
        redaction = Redaction()
        save(path, map(redaction.interaction, interactions))
        assert not visible(secret, path.read_bytes())
        assert len(load(path)) == len(interactions)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_each_place_and_spelling_alone(tmp_path, place, spelling):
    secret = "Hunter/2+é=ÿ x"
    for authorization in authorizations(secret):
        redaction = Redaction()
        save(
            tmp_path / "c.json",
            [redaction.interaction(planted(authorization, **PLACES[place](SPELLINGS[spelling](secret))))],
        )
        assert not visible(secret, (tmp_path / "c.json").read_bytes())


@settings(max_examples=100, deadline=None)
@given(SECRETS, st.sampled_from(sorted(SPELLINGS)), st.sampled_from(sorted(PLACES)))
def test_redacting_twice_changes_nothing_more(secret, spelling, place):
    redaction = Redaction(values=(secret,))
    once = redaction.interaction(planted("Bearer other-token", **PLACES[place](SPELLINGS[spelling](secret))))
    twice = redaction.interaction(once)
    assert once.request == twice.request
    assert str(once.outcome) == str(twice.outcome)


NAMES = [
    "password",
    "DB_PASSWORD",
    "secretValue",
    "auth-token",
    "ApiKey",
    "KEY",
    "aws_credentials",
    "client.secret",
    "PASSWD",
]


@pytest.mark.parametrize("name", NAMES)
def test_what_its_name_says_to_be_a_secret_is_hidden(name):
    inner = {name: "hunter2", "other": "seen", "nested": [{name: ["hunter2", 5, None, True]}]}
    for body in (
        {"environment": {name: "hunter2", "PLAIN": "seen"}},
        {"user_env_vars": {name: "hunter2", "PLAIN": "seen"}},
        {
            "environment": [
                {"name": name, "value": "hunter2"},
                {"key": name, "value": "hunter2"},
                {"key": "A", "value": "seen"},
            ]
        },
        inner,
        {"input_data": json.dumps(inner)},
    ):
        shown = Redaction().interaction(
            planted("Bearer abcdef", body=json.dumps(body).encode(), answer=json.dumps(body).encode())
        )
        for text in (shown.request.body, shown.outcome.body):
            assert b"hunter2" not in text
            assert b"seen" in text


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"user=me&password=hunter2&x=seen", "application/x-www-form-urlencoded"),
        (b"user=me&pass%77ord=hunter2&x=seen", "application/x-www-form-urlencoded"),
        (b'--b\r\nContent-Disposition: form-data; name="api_key"\r\n\r\nhunter2\r\n--b\r\nseen', "multipart/form-data"),
        (b'{"seen": 1, "password": "hunter2", "cut": ', "application/json"),
        (b'{"seen": 1, "p\\u0061ssword": "hunter2"}', "application/json"),
        (b'\n {"seen": 1, "password" : "hunter2"}', "application/json"),
        (b'{"seen": 1, "password": ' + b"[" * 3000 + b'"hunter2"' + b"]" * 3000 + b"}", "application/json"),
    ],
)
def test_foreign_bodies_are_searched_too(body, content_type):
    shown = Redaction().interaction(planted("Bearer abcdef", body=body, answer=body))
    for text in (shown.request.body, shown.outcome.body):
        assert b"seen" in text
        assert b"hunter2" not in text or body.count(b"[") > 1000


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"input_data": '{"password": "hunter2\ud800é"}', "a": "seen"}).encode(),
        '{"input_data": "{\\"secret\\": {\\"a\\": \\"hunter2\\"}, \\"x\\": \\"\\\\ud800é\\"}", "a": "seen"}'.encode(),
        '{"secret": {"a": "hunter2"}, "x": "\\ud800é", "a": "seen"}'.encode(),
        b'{"a": "seen", "p\\u0061ssword": "hunter2", "cut',
    ],
)
def test_half_a_surrogate_pair_and_escaped_names_hide_nothing_from_the_search(tmp_path, body):
    redaction = Redaction()
    save(tmp_path / "c.json", [redaction.interaction(planted("Bearer abcdef", body=body, answer=body))])
    (found,) = load(tmp_path / "c.json")
    for text in (found.request.body, found.outcome.body):
        assert b"seen" in text
        assert b"hunter2" not in text


def test_headers_that_an_endpoint_declares_as_secret_are_hidden():
    headers = Headers({"x-abeja-meta-colour": "hunter2", "a": "seen"})
    redaction = Redaction()
    for asked, shown in ((headers, "hunter2"), (headers.hiding(["X-Abeja-Meta-Colour"]), "***")):
        redacted = redaction.request(Request("GET", "http://h/", asked))
        assert redacted.headers.pairs == (("x-abeja-meta-colour", shown), ("a", "seen"))


HEADERS = [
    "Authorization",
    "Proxy-Authorization",
    "Cookie",
    "Set-Cookie",
    "X-Auth-Token",
    "x-api-key",
    "X-Amz-Security-Token",
]


@pytest.mark.parametrize("name", HEADERS)
def test_headers_that_carry_secrets_are_hidden_in_both_directions(name):
    shown = Redaction().interaction(
        planted(
            "Bearer abcdef", headers=[(name, "hunter2")], answer_headers=[(name, "hunter2"), (name, "hunter2 again")]
        )
    )
    assert "hunter2" not in str(shown.request.headers.pairs) + str(shown.outcome.headers.pairs)
    assert shown.outcome.headers.pairs == ((name, "***"), (name, "***"))


ADDRESSES = [
    "https://s3.example/f?X-Amz-Signature=hunter2&X-Amz-Credential=hunter2&size=5",
    "https://s3.example/f?size=5&X-Amz%2DSecurity-Token=hunter2",
    "https://blob.example/f?sig=hunter2&size=5",
    "https://cdn.example/f?Policy=hunter2&Key-Pair-Id=hunter2&Signature=hunter2&size=5",
    "https://me:hunter2@host.example/f?size=5",
    "see https://a.example/?access_token=hunter2&amp;secret=hunter2&size=5, and so on",
    "https://a.example/size=5#access_token=hunter2",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_signs_an_address_is_hidden(address):
    body = json.dumps({"url": address, "list": [address]}).encode()
    shown = Redaction().interaction(planted("Bearer abcdef", answer=body, answer_headers=[("location", address)]))
    told = shown.outcome.body.decode() + shown.outcome.headers["location"]
    assert "hunter2" not in told
    assert told.count("size=5") == 3


def test_page_tokens_are_kept_for_a_replay_follows_them():
    body = json.dumps({"next_page_token": "abc", "next_token": "d", "events": []}).encode()
    shown = Redaction().interaction(planted("Bearer abcdef", url="http://h/runs?next_page_token=abc", answer=body))
    assert shown.outcome.body == body
    assert shown.request.url.endswith("next_page_token=abc")


def test_rules_are_added_and_only_explicitly_removed():
    body = json.dumps({"pin": 1234, "public_key": "AAAA", "password": "x"}).encode()
    redaction = Redaction(names=("pin",), values=("squeamish",), keep=frozenset({"public_key"}))
    shown = redaction.interaction(planted("Bearer abcdef", body=body, answer=b"squeamish ossifrage"))
    assert json.loads(shown.request.body) == {"pin": 0, "public_key": "AAAA", "password": "***"}
    assert shown.outcome.body == b"*** ossifrage"
    assert "squeamish" not in repr(redaction)
    # The credential is hidden in what is kept, too.
    kept = Redaction(keep=frozenset({"authorization", "note"})).interaction(
        planted("Bearer hunter22", body=b'{"note": "hunter22"}')
    )
    assert b"hunter22" not in kept.request.body
    assert "hunter22" not in kept.request.headers["authorization"]


def test_a_rule_of_the_callers_own_is_applied_last():
    def without_date(interaction):
        pairs = tuple(pair for pair in interaction.outcome.headers.pairs if pair[0] != "date")
        return Interaction(interaction.request, Response(interaction.outcome.status, pairs, interaction.outcome.body))

    shown = Redaction(rules=(without_date,)).interaction(
        planted("Bearer abcdef", answer_headers=[("date", "today"), ("a", "b")])
    )
    assert shown.outcome.headers.pairs == (("a", "b"),)


def test_an_earlier_callers_credential_is_hidden_in_later_answers():
    redaction = Redaction()
    redaction.interaction(planted("Bearer first-secret"))
    assert redaction.interaction(planted("Bearer second", answer=b"first-secret")).outcome.body == b"***"


def test_what_holds_no_secret_stays_byte_for_byte():
    for body in (b'{ "a" : 1.50, "b": [1,2] }', b"\x00\xff", b"", b'{"a": "\xc3\xa9 = x"}', b"a=b"):
        assert Redaction().interaction(planted("Bearer abcdef", answer=body)).outcome.body == body
