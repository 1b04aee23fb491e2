"""A signal is heard whenever it comes: while something starts, and before anybody waits for it."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from cli.local.signals import EndSignals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_one_that_came_before_anybody_waited_is_not_lost(number: signal.Signals) -> None:
    """Scripts send it the moment they read that the platform is ready."""
    with EndSignals() as signals:
        os.kill(os.getpid(), number)
        await asyncio.sleep(0)

        await asyncio.wait_for(signals.wait(), 1)


async def test_it_cancels_what_is_starting_and_only_that() -> None:
    """Half a platform undoes itself; a started one drains."""
    with EndSignals() as signals:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
        with pytest.raises(asyncio.CancelledError), signals.cancelling():
            await asyncio.sleep(5)

        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.01)

        await asyncio.wait_for(signals.wait(), 1)


async def test_afterwards_signals_do_what_they_did_before() -> None:
    """Whoever used it leaves no handler behind."""
    before = signal.getsignal(signal.SIGTERM)
    with EndSignals():
        assert signal.getsignal(signal.SIGTERM) is not before

    assert signal.getsignal(signal.SIGTERM) in {before, signal.SIG_DFL}
