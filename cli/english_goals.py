"""The English sentences of `aljibe goals`."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "goals.help": "What a day should bring, of each channel and of the pool as a whole.",
    "goals.examples": """
aljibe goals show
aljibe goals set pool orders 1200
""",
    "goals.set.help": (
        "Set a day's goal in place of the one of the same channel and measure. A target of 0 ends it."
    ),
    "goals.set.examples": """
aljibe goals set pool orders 1200
aljibe goals set web revenue 25000 --currency EUR
aljibe goals set app promise 97.5      97.5 % of promises kept
aljibe goals set web units 0           no goal any more
""",
    "goals.show.help": "Show how far each goal is, and what should have been reached by now.",
    "goals.show.examples": """
aljibe goals show
aljibe goals show --day 2026-11-21
aljibe goals show --json | jq '.goals[].state'
""",
    "goals.channel": "The channel, or `pool` for all of them together.",
    "goals.measure": "orders, units, revenue or promise (the share of promises kept).",
    "goals.target": "Per day: a number, an amount of money, or a percentage. 0 ends the goal.",
    "goals.currency": "ISO 4217 currency of a revenue.",
    "goals.day": "Which day; today unless told.",
    "goals.bad_measure": "'{text}' is none of {measures}",
    "goals.bad_target": "'{text}' is no target such as 1200 or 97.5",
    "goals.needs_currency": "name the currency of the revenue with --currency",
    "goals.is_set": "goal of {channel}: {measure} {target} a day",
    "goals.ended": "{channel} has no goal of {measure} any more",
    "goals.day_is": "{day}, {zone}",
    "goals.none": "no goals are set",
    "goals.pool": "pool",
    "goals.word.channel": "Channel",
    "goals.word.measure": "Measure",
    "goals.word.actual": "So far",
    "goals.word.expected": "Expected by now",
    "goals.word.target": "Target",
    "goals.word.state": "State",
    "measure.ORDERS": "orders",
    "measure.UNITS": "units",
    "measure.REVENUE": "revenue",
    "measure.PROMISE_KEPT": "promise kept",
    "goal_state.UNSPECIFIED": "too early to say",
    "goal_state.ON_TRACK": "on track",
    "goal_state.CLOSE": "a little behind",
    "goal_state.BEHIND": "behind",
    "goal_state.REACHED": "reached",
}
