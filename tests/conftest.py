"""For all tests: hypothesis lets no clock decide, and no test finds what another one has left."""

from __future__ import annotations

import logging
import os
import re
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from warmkey.crypto import signature_library

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_SETTINGS_FROM_OUTSIDE = {name for name in os.environ if name.startswith("WARMKEY_")}

settings.register_profile("warmkey", deadline=None, print_blob=True)
settings.load_profile("warmkey")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse names with an address in them: they differ in each process, so no two can share the tests."""
    unstable = [item.nodeid for item in items if re.search(r" at 0x[0-9a-f]+>", item.nodeid)]
    if unstable:
        raise pytest.UsageError(f"give these tests IDs without addresses: {unstable}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, object, object]:
    """After every fixture's end, fail a test that leaves a setting: the next test would find it."""
    ended = yield
    left = {name for name in os.environ if name.startswith("WARMKEY_")} - _SETTINGS_FROM_OUTSIDE
    for name in left:
        del os.environ[name]
    assert left == set()
    return ended


@pytest.fixture(autouse=True)
def _no_session_is_left() -> Iterator[None]:
    """boto3 keeps its default session, with the configuration that there was when somebody first asked for it."""
    yield
    if "boto3" in sys.modules:
        sys.modules["boto3"].DEFAULT_SESSION = None


@pytest.fixture(autouse=True)
def _auto_takes_cryptography() -> Iterator[None]:
    """Tests have awscrt, and botocore loads it; what ``auto`` takes must not depend on which test ran before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signature_library, "_NATIVE_PART", "none")
        yield
    signature_library.choose(signature_library.SignatureChoice.AUTO)
    signature_library.start_over()


@pytest.fixture(autouse=True)
def _no_logger_is_left_disabled() -> Iterator[None]:
    """``logging.config.dictConfig`` disables the loggers that there are, and nothing enables them again."""
    yield
    for logger in list(logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger):
            logger.disabled = False
    # As in Lambda, ours may have been told to write by themselves.
    logging.getLogger("warmkey").propagate = True
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def _no_powertools_logger_is_left() -> Iterator[None]:
    """Where a function has a Powertools logger, our lines go there: those of the next test would go to this one's."""
    yield
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if hasattr(logger, "powertools_handler"):
            del logging.root.manager.loggerDict[name]
