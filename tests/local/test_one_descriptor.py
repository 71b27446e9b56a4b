"""Client and platform check by the same descriptors: what the one lets through the other takes, as it was given."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from platforms import Place

from abeja_run import APIClient
from abeja_run.exceptions import BadRequest, ValidationError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    """A platform without code: what is submitted to it fails, which nobody looks at here."""
    with Place(tmp_path_factory.mktemp("place")).platform(workers=1) as platform:
        yield platform


@pytest.fixture(scope="module")
def client(platform):
    return APIClient(platform.credential, transport=platform.transport(), check_responses=True, max_retry_count=0)


@pytest.fixture(scope="module")
def run_id(platform, client):
    return client.create_run(*ids(platform), platform.version_id)["run_id"]


def ids(platform):
    return platform.organization_id, platform.deployment_id


@settings(max_examples=60, deadline=None)
@given(
    given=st.fixed_dictionaries(
        {
            "input_data": st.none() | st.dictionaries(st.text(), JSON, max_size=3),
            "distribution": st.none() | st.booleans() | st.integers(),
            "retry_count": st.none() | st.integers(-1, 10),
            "environment": st.none() | st.dictionaries(st.text(), st.text(), max_size=3),
            "model_id": st.none() | st.text(),
        }
    )
)
def test_a_submission_that_the_client_lets_through_is_taken_as_it_was_given(platform, client, given):
    try:
        run = client.create_run(*ids(platform), platform.version_id, **given)
    except ValidationError:
        return
    assert run["input_data"] == (given["input_data"] or None)
    assert run["distribution"] == given["distribution"]
    assert run["user_env_vars"] == (given["environment"] or {})
    assert run["models"] == ({"alias": given["model_id"]} if given["model_id"] else {})
    assert given["retry_count"] in (None, run["retry_count"])


@settings(max_examples=60, deadline=None)
@given(start=st.none() | st.datetimes(), end=st.none() | st.datetimes(), forward=st.none() | st.booleans())
def test_times_and_flags_that_the_client_lets_through_are_taken(platform, client, run_id, start, end, forward):
    client.get_run_logs(*ids(platform), run_id, start_time=start, end_time=end)
    client.get_runs(*ids(platform), scan_forward=forward)


@settings(max_examples=30, deadline=None)
@given(token=st.text(min_size=1))
def test_a_text_that_is_no_token_is_refused_with_its_name(platform, client, run_id, token):
    try:
        with pytest.raises(BadRequest, match="next_token"):
            client.get_run_logs(*ids(platform), run_id, next_token=token)
    except ValidationError:
        # Half a surrogate pair: nothing was sent.
        with pytest.raises(UnicodeEncodeError):
            token.encode()
