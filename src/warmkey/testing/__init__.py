"""Test your own code: a KMS that needs no AWS, a clock that moves on command, and a record of what happened.

With pytest, put ``pytest_plugins = ["warmkey.testing.pytest_plugin"]`` into your top-level ``conftest.py`` and take the
fixture ``warmkey_kms`` (moto's KMS) or ``warmkey_fake_kms`` (:class:`FakeKms`). With unittest, :func:`fake_kms` and
:func:`moto_kms` are the same as context managers. :func:`assert_kms_calls` works anywhere.

Both start warmkey's default client afresh and drop it afterwards: its cache outlives a single test, and a data key that
one mocked KMS wrapped means nothing to the next.
"""

from warmkey.testing.calls import DynamoDbCall, KmsCall
from warmkey.testing.clock import SettableClock
from warmkey.testing.counting import KmsCounter, assert_kms_calls
from warmkey.testing.dynamodb_client import FakeDynamoDb
from warmkey.testing.faults import DYNAMODB_FAULTS, FAULTS, Fault
from warmkey.testing.gate import Gate
from warmkey.testing.kms_client import FakeKms
from warmkey.testing.policy_conditions import UnsupportedPolicy
from warmkey.testing.recorder import Recorder
from warmkey.testing.sessions import KmsSession, fake_kms, moto_kms
from warmkey.testing.world import KEY_SPECS, FakeKmsWorld

__all__ = [
    "DYNAMODB_FAULTS",
    "FAULTS",
    "KEY_SPECS",
    "DynamoDbCall",
    "FakeDynamoDb",
    "FakeKms",
    "FakeKmsWorld",
    "Fault",
    "Gate",
    "KmsCall",
    "KmsCounter",
    "KmsSession",
    "Recorder",
    "SettableClock",
    "UnsupportedPolicy",
    "assert_kms_calls",
    "fake_kms",
    "moto_kms",
]
