"""How the demo ends when the platform does not answer."""

from __future__ import annotations

import pytest
from rich.console import Console

from demo import run as demo_run
from demo.doors import Away
from demo.options import DemoOptions
from demo.summary import Summary


def test_a_service_that_stays_away_is_one_line_and_exit_3(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Many shoppers and clerks run into it at once, in task groups within task groups."""

    async def run_into_it(options: DemoOptions, console: Console) -> Summary:
        inner = ExceptionGroup("shoppers", [Away("orders does not\nanswer"), Away("orders is away")])
        raise ExceptionGroup("everybody", [inner, Away("fulfillment does not answer")])

    monkeypatch.setattr(demo_run, "run_demo", run_into_it)

    code = demo_run.run(DemoOptions(lang="en"))

    printed = capsys.readouterr()
    assert code == 3
    assert printed.out.splitlines() == [
        "the platform stopped answering, and still did not after 45 s: orders does not answer"
    ]
    assert "Traceback" not in printed.err
