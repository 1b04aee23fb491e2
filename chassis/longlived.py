"""Loads of what stays: many objects that live on, and no garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """For the first load of a large copy: the collector need not walk its objects while they come nor, when
    it succeeded, ever after.
    """
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
