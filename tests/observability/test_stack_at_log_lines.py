"""Lines of ours are written when no frame of ours holds a secret: whoever attaches the stack to a line finds none."""

from __future__ import annotations

import io
import logging
import sys
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import pytest

from tests.client_apis.test_secrets import REFUSALS, Spy, shown
from warmkey import AwsKmsKeyring, CachingCMM, Client, LocalCMC, WarmkeyError, events
from warmkey.boundary import PENDING
from warmkey.keyrings import MultiKeyring
from warmkey.observability import Subscriber
from warmkey.testing import FakeKms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLAINTEXT = b"white-shark-" * 20
CONTEXT = {"tenant": "blue-whale"}


class StackWalker(logging.Handler):
    """Reads what a crash reporter would attach to a line: the variables of every frame of ours on the stack."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.variables: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        frame = sys._getframe()
        while frame := frame.f_back:  # type: ignore[assignment]
            module = frame.f_globals.get("__name__", "")
            if module.startswith("warmkey.") and not module.startswith("warmkey.testing"):
                self.variables += [f"{module} {name}: {shown(value)}" for name, value in frame.f_locals.items()]


@pytest.fixture
def walker() -> Iterator[StackWalker]:
    handler = StackWalker()
    loggers = [logging.getLogger(name) for name in ("warmkey", "warmkey.events")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
    yield handler
    for logger in loggers:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)


def failing_subscriber(_event: object) -> None:
    raise RuntimeError


OPERATIONS: list[Callable[[Client, CachingCMM, bytes], object]] = [
    lambda client, cmm, _: client.encrypt(PLAINTEXT, cmm=cmm, encryption_context=CONTEXT),
    lambda client, cmm, message: client.decrypt(message, cmm=cmm, encryption_context=CONTEXT),
    lambda client, cmm, message: client.decrypt(message[:-1], cmm=cmm, encryption_context=CONTEXT),
    lambda client, cmm, _: client.encrypt_stream(io.BytesIO(PLAINTEXT), cmm=cmm, encryption_context=CONTEXT).read(),
    lambda client, cmm, message: client.decrypt_stream(message, cmm=cmm, encryption_context=CONTEXT).read(),
    lambda client, cmm, message: list(client.decrypt_stream(message, cmm=cmm, encryption_context=CONTEXT)),
    lambda client, cmm, message: client.decrypt_stream(message, cmm=cmm, encryption_context=CONTEXT).header,
]


@pytest.mark.parametrize("fault", [None, *REFUSALS])
def test_no_line_is_written_above_a_frame_of_ours_that_holds_a_secret(fault: str | None, walker: StackWalker) -> None:
    kms = FakeKms()
    spy = Spy(kms)
    emit = events.fan_out(Subscriber(metrics="off", log_level="DEBUG"), failing_subscriber)
    first, second = (AwsKmsKeyring(kms.create_key(), kms_client=spy, emit=emit) for _ in range(2))
    keyring = MultiKeyring(first, [second])
    message = Client().encrypt(PLAINTEXT, keyring=keyring, encryption_context=CONTEXT).ciphertext
    for operation in OPERATIONS:
        cmm = CachingCMM(cache=LocalCMC(1, emit=emit), max_age=60, keyring=keyring, emit=emit)
        with ExitStack() as stack:
            for name in ("GenerateDataKey", "Encrypt", "Decrypt") if fault else ():
                stack.enter_context(kms.fail(name, error=fault, times=None))
            stack.enter_context(suppress(WarmkeyError))
            operation(Client(), cmm, message)

    everything = "\n".join(walker.variables)
    assert {"a subscriber failed with RuntimeError", "KMS request"} <= set(walker.lines)
    for secret in (b"white-shark", b"blue-whale", *spy.data_keys):
        assert secret.decode("latin-1") not in everything
        assert secret.hex() not in everything
    assert PENDING == {}
