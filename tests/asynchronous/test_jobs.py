"""The level of jobs, awaited, with a local platform and a lost answer."""

import asyncio

import pytest
from platforms import Place
from servers import Scripted

from abeja_run import AsyncClient
from abeja_run import exceptions as e
from abeja_run.messages import Response
from abeja_run.transports import Transport


class Losing(Transport):
    """Loses the answer to the first submission."""

    leaves_process = False

    def __init__(self, inner):
        self.inner, self.lost, self.posts = inner, False, 0

    def send(self, request, timeout):
        answer = self.inner.send(request, timeout)
        if request.method == "POST":
            self.posts += 1
            if not self.lost:
                self.lost = True
                raise e.TransportError("lost")
        return answer


def test_a_run_is_submitted_once_waited_for_and_its_log_read_to_the_end(tmp_path):
    place = Place(tmp_path)
    place.write("def handler(context):\n    print('hello')\n")
    with place.platform() as platform:
        transport = Losing(platform.transport())

        async def main():
            async with AsyncClient(platform.organization_id, platform.credential, transport=transport) as client:
                deployment = client.deployment(platform.deployment_id)
                run = await deployment.submit(platform.version_id, retry_count=0)
                seen = []
                await run.wait(30, raise_on_failure=False, on_change=seen.append, interval=0.02, max_interval=0.02)
                followed = [event async for event in run.logs(follow=True, drain=0, interval=0.01)]
                assert followed == [event async for event in run.logs()]
                same = await deployment.submit(platform.version_id, submission_id=run.submission_id)
                assert same.run_id == run.run_id
                assert [one.run_id async for one in deployment.runs()] == [run.run_id]
                assert (await deployment.run(run.run_id)).done
                assert (await run.refresh()).done
                assert seen

        asyncio.run(main())
    assert transport.posts == 1


def test_a_submission_that_is_refused_has_started_no_run():
    transport = Scripted(Response(403, body=b"{}"))
    client = AsyncClient("1234567890123", {"auth_token": "any"}, transport=transport)
    with pytest.raises(e.Forbidden):
        asyncio.run(client.deployment("1111111111111").submit("ver-1"))
    assert len(transport.requests) == 1
