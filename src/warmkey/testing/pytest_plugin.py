"""Provide two pytest fixtures that give each test a KMS of its own.

Opt in with this line in your top-level ``conftest.py``::

    pytest_plugins = ["warmkey.testing.pytest_plugin"]

``warmkey_kms``
    warmkey's default client on moto's KMS. Everything else that moto mocks works in the test too.
``warmkey_fake_kms``
    the same on a :class:`~warmkey.testing.FakeKms`, which needs no moto, is faster, and injects faults.

Each test gets a :class:`~warmkey.testing.KmsSession` with a key and a default client of its own, built at the first
``warmkey.encrypt`` or ``warmkey.decrypt``. Settings that differ come from ``monkeypatch.setenv("WARMKEY_…", …)`` before
that, or from ``warmkey_kms.configure(max_age_seconds=60)`` at any time::

    def test_a_batch_needs_one_kms_call(warmkey_kms):
        handler({"orders": [1, 2, 3]}, None)

        warmkey_kms.assert_kms_calls(1)

Code under test may call ``warmkey.configure`` itself, before the fixture or after it, at import or on reload. The KMS,
the keys, the clock and the recorder stay the fixture's. Of the other settings the test's own
(``warmkey_kms.configure``) win over the code's, and the code's over the environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.testing.sessions import KmsSession, fake_kms, moto_kms

if TYPE_CHECKING:
    from collections.abc import Iterator

try:
    import pytest
except ImportError as error:
    raise ImportError("warmkey.testing.pytest_plugin needs pytest: pip install pytest") from error

__all__ = ["warmkey_fake_kms", "warmkey_kms"]


@pytest.fixture
def warmkey_kms() -> Iterator[KmsSession]:
    """Give the default client moto's KMS; fresh for each test."""
    with moto_kms() as session:
        yield session


@pytest.fixture
def warmkey_fake_kms() -> Iterator[KmsSession]:
    """Give the default client a FakeKms; fresh for each test."""
    with fake_kms() as session:
        yield session
