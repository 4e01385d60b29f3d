"""Give warmkey's default client a KMS of the test's own, for the length of a test."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Unpack
from unittest import mock

from warmkey import api
from warmkey.safe_repr import safe_repr
from warmkey.testing.clock import SettableClock
from warmkey.testing.counting import KmsCounter, counting
from warmkey.testing.kms_client import FakeKms
from warmkey.testing.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["KmsSession", "fake_kms", "moto_kms"]

_FAKE_CREDENTIALS: Final = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SECURITY_TOKEN": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
}
# What would lead a test to somebody's real account, or to their real keys.
_UNSET: Final = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "WARMKEY_DECRYPT_KEY_ARNS")


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class KmsSession:
    """Control warmkey's default client and the KMS of its own that it works on for the length of a test.

    :ivar key_arn: the key that ``WARMKEY_KMS_KEY_ARNS`` names
    :ivar client: a boto3 KMS client on moto, or the :class:`~warmkey.testing.FakeKms`
    :ivar kms_calls: the KMS requests since the session began, those that the test itself makes included
    :ivar facts: what warmkey did
    :ivar clock: warmkey's clock; it stands still, so nothing expires until the test moves it
    """

    key_arn: str
    client: Any
    kms_calls: KmsCounter
    facts: Recorder = field(default_factory=Recorder)
    clock: SettableClock = field(default_factory=SettableClock)

    def assert_kms_calls(self, expected: int, operation: str | None = None) -> None:
        """Fail, with the list of all requests, unless there were *expected* so far, of one operation or of all."""
        self.kms_calls.assert_calls(expected, operation)

    def clear(self) -> None:
        """Forget facts and KMS requests so far; what warmkey has cached stays."""
        self.facts.clear()
        self.kms_calls.clear()

    def configure(self, **settings: Unpack[api.Keywords]) -> None:
        """Start warmkey's default client again, with settings as ``warmkey.configure`` takes them.

        They win over what the code under test passes to ``warmkey.configure``.

        :raises ConfigurationError: a setting is wrong or unknown
        """
        api.pin(**self.keywords(settings))

    def keywords(self, settings: api.Keywords) -> api.Keywords:
        """Return *settings* with the session's KMS, clock and recorder, where they don't have their own."""
        client = self.client if isinstance(self.client, FakeKms) else None
        return {
            "kms_client": client,
            "emit": self.facts,
            "clock": self.clock,
            # A clock that stands still would remember them for the rest of the test.
            "remember_failures_seconds": 0,
            **settings,
        }


@contextmanager
def fake_kms(**settings: Unpack[api.Keywords]) -> Iterator[KmsSession]:
    """Run the default client on a :class:`~warmkey.testing.FakeKms` until the end of the block.

    ::

        class OrdersTest(unittest.TestCase):
            def setUp(self):
                self.kms = self.enterContext(warmkey.testing.fake_kms())

    Sets ``WARMKEY_KMS_KEY_ARNS`` and AWS credentials that lead nowhere; other ``WARMKEY_`` variables stay as they are.
    Whatever the code under test passes to ``warmkey.configure``, the KMS, the keys and the clock stay the session's,
    ``facts`` is told beside the code's own ``emit``, and *settings* win over the code's.

    :param settings: more arguments for ``warmkey.configure``
    """
    with _environment() as region:
        client = FakeKms(region)
        with _session(client.create_key(), client, settings) as session:
            yield session


@contextmanager
def moto_kms(**settings: Unpack[api.Keywords]) -> Iterator[KmsSession]:
    """Do as :func:`fake_kms` on moto's KMS, for suites whose other AWS services are moto's too.

    :raises ImportError: moto is not installed
    """
    try:
        from moto import mock_aws  # noqa: PLC0415 - only those who use it need it
    except ImportError as error:
        raise ImportError("warmkey_kms and moto_kms() need moto: pip install moto (fake_kms() does without)") from error
    import boto3  # noqa: PLC0415 - moto has patched it by now

    with _environment() as region, mock_aws():
        client = boto3.client("kms", region_name=region)
        key_arn = client.create_key()["KeyMetadata"]["Arn"]
        with _session(key_arn, client, settings) as session:
            yield session


@contextmanager
def _environment() -> Iterator[str]:
    """Set variables that lead to no real account; give the Region."""
    with mock.patch.dict(os.environ):
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        for name in _UNSET:
            os.environ.pop(name, None)
        os.environ.update(_FAKE_CREDENTIALS, AWS_REGION=region, AWS_DEFAULT_REGION=region)
        yield region


@contextmanager
def _session(key_arn: str, client: Any, settings: api.Keywords) -> Iterator[KmsSession]:  # noqa: ANN401 - no types
    os.environ["WARMKEY_KMS_KEY_ARNS"] = key_arn
    with counting() as counter:
        session = KmsSession(key_arn=key_arn, client=client, kms_calls=counter)
        with api.pinned(**session.keywords(settings)):
            yield session
