"""What takes too long is given up, and nothing else is."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.aside import run_aside
from tracker.deadlines import LOOK_SECONDS, Deadlines


def test_of_many_who_wait_only_those_who_wait_too_long_are_given_up() -> None:
    async def scenario() -> list[object]:
        deadlines = Deadlines(0.2)
        waiting = [deadlines.keep(asyncio.sleep(seconds, seconds)) for seconds in (0, 0.1, 30, 60)]
        began = time.monotonic()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert 0.2 <= time.monotonic() - began < 0.2 + 2 * LOOK_SECONDS + 1
        # Who begins later, when nobody waited any more, is looked after as well.
        with pytest.raises(TimeoutError):
            await asyncio.create_task(deadlines.keep(asyncio.sleep(30)))
        return list(found)

    quick, slow = run_aside(scenario()), TimeoutError
    assert quick[:2] == [0, 0.1]
    assert [type(one) for one in quick[2:]] == [slow, slow]


def test_who_was_given_up_goes_on_and_may_wait_again() -> None:
    async def scenario() -> str:
        deadlines = Deadlines(0.1)
        try:
            await deadlines.keep(asyncio.sleep(30))
        except TimeoutError:
            await asyncio.sleep(0.01)  # nothing of the giving up is left
        return await deadlines.keep(asyncio.sleep(0, "answered"))

    assert run_aside(scenario()) == "answered"


def test_a_request_that_is_cut_off_from_outside_is_not_taken_for_a_late_one() -> None:
    async def scenario() -> None:
        task = asyncio.create_task(Deadlines(10).keep(asyncio.sleep(30)))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_aside(scenario())


def test_what_fails_while_it_is_waited_for_fails() -> None:
    async def fail() -> None:
        raise OSError("gone")

    async def scenario() -> None:
        with pytest.raises(OSError, match="gone"):
            await Deadlines(10).keep(fail())

    run_aside(scenario())
