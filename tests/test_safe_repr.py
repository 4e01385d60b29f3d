"""What is shown of an object while its constructor is at work, or after it raised."""

from __future__ import annotations

import importlib
import traceback
from contextlib import suppress

import pytest

from tests.architecture.sources import modules
from warmkey.keyrings import MultiKeyring
from warmkey.safe_repr import safe_repr


def half_made() -> dict[str, object]:
    """Return one of each class of the package that can be made without its constructor."""
    found: dict[str, object] = {}
    for module in modules():
        if module.endswith("__main__"):
            continue
        for kind in vars(importlib.import_module(module)).values():
            if isinstance(kind, type) and kind.__module__.startswith("warmkey"):
                with suppress(TypeError, ValueError, KeyError):
                    found[f"{kind.__module__}.{kind.__qualname__}"] = kind.__new__(kind)
    return found


HALF_MADE = half_made()


def test_all_classes_are_looked_at() -> None:
    names = {name.rpartition(".")[2] for name in HALF_MADE}

    assert {"Client", "LocalCMC", "CachingCMM", "KeyAttempt", "CacheEntry", "EncryptionMaterialsRequest"} <= names


@pytest.mark.parametrize("name", sorted(HALF_MADE))
def test_each_can_be_shown(name: str) -> None:
    thing = HALF_MADE[name]

    assert isinstance(repr(thing), str)
    assert isinstance(str(thing), str)
    assert isinstance(f"{thing}", str)


def test_one_that_is_complete_is_shown_as_ever() -> None:
    @safe_repr
    class Complete:
        """Has all it needs."""

        def __repr__(self) -> str:
            """Show it."""
            return "Complete()"

    assert (repr(Complete()), Complete.__repr__.__doc__) == ("Complete()", "Show it.")


def test_a_crash_report_with_local_variables_can_be_written() -> None:
    try:
        MultiKeyring(generator="text")  # type: ignore[arg-type]
    except ValueError as error:
        report = traceback.TracebackException.from_exception(error, capture_locals=True)

    assert "MultiKeyring" in "".join(report.format())
