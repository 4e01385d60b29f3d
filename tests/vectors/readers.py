"""Clients and a keyring for what the forge writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.vectors.forge import KEY_NAME, NAMESPACE, WRAPPING_KEY
from warmkey import AlgorithmSuite, Client, CommitmentPolicy
from warmkey.keyrings import RawAesKeyring

if TYPE_CHECKING:
    from warmkey import DecryptResult

KEYRING = RawAesKeyring(NAMESPACE, KEY_NAME, WRAPPING_KEY)
COMMITTING = Client(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT)
NOT_COMMITTING = Client(commitment_policy=CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT)


def client_for(suite_id: int) -> Client:
    """A client that may encrypt with the suite, and decrypt anything."""
    return COMMITTING if AlgorithmSuite(suite_id).commits else NOT_COMMITTING


def decrypt(message: bytes, **details: object) -> DecryptResult:
    """Decrypt a message of any suite that is wrapped under the forge's key."""
    return COMMITTING.decrypt(message, keyring=KEYRING, **details)  # type: ignore[arg-type]
