"""No key, plaintext or context value in any log, metric, error, traceback or repr, at DEBUG too."""

from __future__ import annotations

import base64
import contextlib
import io
import logging
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from tests.observability.output import written
from warmkey.testing import fake_kms, moto_kms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from warmkey.testing import KmsSession

SOURCES = str(Path(warmkey.__file__).parent)
PLAINTEXT = b"the plaintext of a message"
CONTEXT = {"tenant": "the value of a context", "order": "another value of it"}
OTHER_CONTEXT = {"tenant": "the value of a stranger"}
VALUES = [*CONTEXT.values(), *OTHER_CONTEXT.values()]


class Everything:
    """All that could be read by somebody who may read logs, metrics and error reports."""

    def __init__(self) -> None:
        self.text = ""
        self.errors = 0
        self.data_keys: set[bytes] = set()

    def note_data_keys(self, client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Remember the data keys that KMS gives to *client*."""

        def noting(send: Callable[..., Any]) -> Callable[..., Any]:
            def sending(**parameters: Any) -> Any:
                response = send(**parameters)
                self.data_keys.add(response["Plaintext"])
                return response

            return sending

        for method in ("generate_data_key", "decrypt"):
            monkeypatch.setattr(client, method, noting(getattr(client, method)))

    def add(self, *things: object) -> None:
        self.text += "".join(f"{thing!r}\n{thing}\n" for thing in things)

    @contextlib.contextmanager
    def error(self) -> Iterator[None]:
        """An error is due in the block; read it, what caused it, and the variables of our frames."""
        try:
            yield
        except warmkey.WarmkeyError as error:
            self.errors += 1
            self.text += "".join(traceback.format_exception(error))
            self._read(error)
        else:
            pytest.fail("there was no error")

    def _read(self, error: BaseException | None) -> None:
        if error is None:
            return
        self.add(error, error.args, vars(error))
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename.startswith(SOURCES):
                self.add(frame.f_locals)
        for attempt in getattr(error, "attempts", ()):
            self.add(attempt)
            self._read(attempt.cause)
        self._read(error.__cause__)
        self._read(error.__context__)


@pytest.fixture
def _debug(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each logger at DEBUG, our own too."""
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "DEBUG")
    level = logging.root.level
    logging.root.setLevel(logging.DEBUG)
    yield
    logging.root.setLevel(level)


@contextlib.contextmanager
def nothing_secret_in() -> Iterator[Everything]:
    """Whatever becomes readable in the block."""
    everything = Everything()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.root.addHandler(handler)
    with written() as output:
        yield everything
    logging.root.removeHandler(handler)

    readable = (everything.text + output.text + stream.getvalue()).splitlines()
    assert any('"CacheMissesAbsent"' in line for line in readable)
    assert everything.data_keys
    for secret in _ways_to_write(PLAINTEXT, *everything.data_keys) + VALUES:
        assert [line for line in readable if secret in line] == []


def _ways_to_write(*secrets: bytes) -> list[str]:
    return [
        text
        for secret in secrets
        for text in (repr(secret)[2:-1], secret.hex(), base64.b64encode(secret).decode(), str(list(secret))[1:-1])
    ]


@warmkey.instrument
def use(everything: Everything, session: KmsSession) -> None:
    """What goes well, what callers do wrong, and what messages have been through."""
    message = warmkey.encrypt(PLAINTEXT, CONTEXT)
    text = warmkey.encrypt_text(PLAINTEXT.decode(), CONTEXT)
    for _ in range(2):
        assert warmkey.decrypt(message, CONTEXT) == PLAINTEXT
        assert warmkey.decrypt_text(text, CONTEXT) == PLAINTEXT.decode()
    with everything.error():
        warmkey.decrypt(message, OTHER_CONTEXT)
    with everything.error():
        warmkey.encrypt(PLAINTEXT.decode(), CONTEXT)  # type: ignore[arg-type]
    with everything.error():
        warmkey.encrypt(PLAINTEXT, {**CONTEXT, "number": 7})  # type: ignore[dict-item]
    with everything.error():
        warmkey.encrypt(PLAINTEXT, {**CONTEXT, "aws-crypto-reserved": "x"})
    with everything.error():
        warmkey.encrypt_text(PLAINTEXT.decode() + "\ud800", CONTEXT)
    with everything.error():
        warmkey.decrypt(message[:-1])
    for position in (60, len(message) // 2, -20):
        with everything.error():
            warmkey.decrypt(_damaged(message, position))
    client, cmm = warmkey.default_client(), warmkey.default_cmm()
    encrypted = client.encrypt(PLAINTEXT, cmm=cmm, encryption_context=CONTEXT)
    decrypted = client.decrypt(encrypted.ciphertext, cmm=cmm, encryption_context=CONTEXT)
    request = warmkey.EncryptionMaterialsRequest(CONTEXT, client.commitment_policy, max_plaintext_length=1)
    materials = cmm.get_encryption_materials(request)
    entries = list(cmm.cache._entries.values())  # type: ignore[attr-defined]
    everything.add(client, cmm, cmm.cache, encrypted.header, request, materials, *entries, warmkey.cache_info())
    everything.add(*(entry.materials for entry in entries), session.facts.events)
    everything.text += repr(encrypted) + repr(decrypted)


def _damaged(message: bytes, position: int) -> bytes:
    damaged = bytearray(message)
    damaged[position] ^= 1
    return bytes(damaged)


@pytest.mark.usefixtures("_debug")
def test_on_the_way_through_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    """Botocore logs what it sends and receives."""
    with nothing_secret_in() as everything, moto_kms() as session:
        everything.note_data_keys(session.client, monkeypatch)
        session.configure(metrics="detailed", kms_client=session.client)
        use(everything, session)

    assert everything.errors == 9


@pytest.mark.usefixtures("_debug")
@pytest.mark.parametrize("trouble", ["throttled", "denied", "invalid-ciphertext", "timeout", "another-key"])
def test_when_kms_fails(monkeypatch: pytest.MonkeyPatch, trouble: str) -> None:
    with nothing_secret_in() as everything, fake_kms(metrics="detailed") as session:
        everything.note_data_keys(session.client, monkeypatch)
        use(everything, session)
        message = warmkey.encrypt(PLAINTEXT, CONTEXT)
        warmkey.purge()
        session.client.fail(error=trouble, times=None)
        with everything.error():
            warmkey.encrypt(PLAINTEXT, CONTEXT)
        with everything.error():
            warmkey.decrypt(message, CONTEXT)
