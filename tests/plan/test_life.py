"""Lifetimes of entries, with figures that are counted by hand."""

from __future__ import annotations

import pytest

from warmkey.plan.life import lifetimes


def test_lifetimes_are_the_middles_of_four_parts_of_the_jitter() -> None:
    assert lifetimes(300, 0.1).tolist() == pytest.approx([296.25, 288.75, 281.25, 273.75])
    assert lifetimes(300, 0).tolist() == [300]
