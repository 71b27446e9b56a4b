"""Scripts: how they are driven, awaited and not, and what they are told when somebody ends them early."""

import asyncio

import pytest

from abeja_run.asynchronous.jobs import script as asynchronous
from abeja_run.jobs import script as called
from abeja_run.jobs.script import Handed


def counting(steps, told):
    """Hands over numbers, each after a step; when it is ended, takes two more steps."""
    try:
        for number in range(3):
            try:
                steps.append((yield f"step {number}"))
            except KeyError as error:
                steps.append(error.args[0])
            yield Handed(number)
    except BaseException as error:
        told.append(type(error))
        raise
    finally:
        for number in range(2):
            steps.append((yield f"end {number}"))


def failing(step):
    if step == "step 1":
        raise KeyError("it is thrown in")
    return step


class Both:
    """Drives a script in either way, with a function that is not awaited."""

    def __init__(self, *, awaited):
        self.awaited = awaited

    def drive(self, script, perform, most=None):
        if self.awaited:
            return asyncio.run(self._awaited(script, perform, most))
        found, driven = [], called.driven(script, perform)
        for item in driven:
            found.append(item)
            if len(found) == most:
                driven.close()
        return found

    async def _awaited(self, script, perform, most):
        async def performed(step):
            await asyncio.sleep(0)
            return perform(step)

        found, driven = [], asynchronous.driven(script, performed)
        async for item in driven:
            found.append(item)
            if len(found) == most:
                await driven.aclose()
        return found


@pytest.fixture(params=[False, True], ids=["called", "awaited"])
def drive(request):
    return Both(awaited=request.param).drive


def test_a_script_is_sent_what_came_of_each_step_or_it_is_thrown_in(drive):
    steps, told = [], []
    assert drive(counting(steps, told), failing) == [0, 1, 2]
    assert steps == ["step 0", "it is thrown in", "step 2", "end 0", "end 1"]
    assert told == []


def test_a_script_that_nobody_wants_more_of_takes_its_last_steps(drive):
    steps, told = [], []
    assert drive(counting(steps, told), failing, most=1) == [0]
    assert steps == ["step 0", "end 0", "end 1"]
    assert told == [GeneratorExit]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ValueError, StopIteration])
def test_what_a_script_does_not_bear_is_raised_after_its_last_steps(drive, kind):
    steps, told = [], []

    def broken(step):
        if step == "step 1":
            raise kind("broken")
        return step

    with pytest.raises(RuntimeError if kind is StopIteration else kind):
        drive(counting(steps, told), broken)
    assert steps == ["step 0", "end 0", "end 1"]


def test_a_task_that_is_cancelled_takes_the_last_steps_of_its_script():
    steps, told = [], []

    async def main():
        begun = asyncio.Event()

        async def performed(step):
            if step == "step 1":
                begun.set()
                await asyncio.sleep(30)
            return step

        async def read():
            return [item async for item in asynchronous.driven(counting(steps, told), performed)]

        task = asyncio.create_task(read())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert told == [asyncio.CancelledError]
    assert steps == ["step 0", "end 0", "end 1"]
