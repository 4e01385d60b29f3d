"""Decide which cached data keys a refusal by AWS KMS revokes.

A denial is about one key, one operation and one encryption context; a disabled or deleted key is unusable for all of
them. "One key" is what KMS was asked for: a key ARN names it exactly, an alias or a key ID may mean another key
tomorrow. So whoever caches a data key notes by which identifiers KMS was asked for it (:class:`KmsWatch`), and
:func:`concerns` compares these with the one that was refused. A replica of a multi-Region key is a key of its own here:
the Region that was asked decides, as in the keyrings.

Where nothing was noted (a keyring of the user's own, threads of its own), the encrypted data keys decide.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar, TypeVarTuple

from warmkey.events import DynamoDbOutcome, KmsOutcome, Operation
from warmkey.keyrings.aws_kms_key_arn import parse_kms_arn
from warmkey.keyrings.interface import ECDH_PROVIDER_IDS
from warmkey.structures import RESERVED_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from warmkey.exceptions import KeyAttempt
    from warmkey.structures import EncryptedDataKey

__all__ = [
    "KmsWatch",
    "asked_key",
    "concerns",
    "ends_key",
    "is_refusal",
    "kms_watches",
    "note_refusal",
    "note_used_keys",
]

_Answer = TypeVar("_Answer")
_Arguments = TypeVarTuple("_Arguments")

_REFUSALS = (KmsOutcome.DENIED, KmsOutcome.DISABLED)
_KEY_IS_GONE = "NotFoundException"
# What reads branch keys: it asks KMS to decrypt them, for messages in either direction.
_KEY_STORE = "BranchKeyStore"


class KmsWatch:
    """Notes what KMS is asked in this thread :meth:`over` a call.

    :ivar keys: the identifiers under which data keys were generated, wrapped or unwrapped, as :func:`concerns` takes
        them; as many as there were successful requests, and none of them from an unverified message
    :ivar refusals: the attempts that KMS refused, also where another key then helped
    """

    __slots__ = ("keys", "refusals")

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.refusals: list[KeyAttempt] = []

    def over(self, ask: Callable[[*_Arguments], _Answer], *arguments: *_Arguments) -> _Answer:
        """Return what *ask* answers, and note what KMS is asked for it. A call inside *ask* may have its own watch."""
        outer = _watches.get()
        try:
            _watches.set((*outer, self))
            return ask(*arguments)
        finally:
            _watches.set(outer)  # not by a token, nor in a function of ours, which an interruption could lose


_watches: ContextVar[tuple[KmsWatch, ...]] = ContextVar("warmkey_kms_watches", default=())
# Return who watches, for those who would work for nothing if nobody did.
kms_watches = _watches.get


def note_used_keys(*identifiers: str, region: str | None) -> None:
    """Tell those who watch that a data key was obtained from, or wrapped under, the key of these *identifiers*.

    :param region: the Region that was asked, which tells equal aliases and key IDs apart
    """
    for watch in _watches.get():
        watch.keys.update(_qualified(identifier, region) for identifier in identifiers)


def note_refusal(attempt: KeyAttempt) -> None:
    """Tell those who watch that KMS refused, if that is what *attempt* says."""
    if is_refusal(attempt):
        for watch in _watches.get():
            watch.refusals.append(attempt)


def is_refusal(attempt: KeyAttempt) -> bool:
    """Return whether KMS said no to this use of the key: denied, disabled, pending deletion or deleted."""
    if isinstance(attempt.outcome, DynamoDbOutcome):  # equal as texts, and says nothing of the KMS key
        return False
    return attempt.outcome in _REFUSALS or attempt.error_code == _KEY_IS_GONE


def ends_key(attempt: KeyAttempt) -> bool:
    """Return whether KMS said that nobody can use the key: disabled, pending deletion or deleted."""
    return is_refusal(attempt) and attempt.outcome is not KmsOutcome.DENIED


def asked_key(attempt: KeyAttempt) -> str:
    """Return which key *attempt* asked for, as :attr:`KmsWatch.keys` names those that answered."""
    return _qualified(attempt.key, attempt.region)


def concerns(
    attempt: KeyAttempt,
    refused_context: Mapping[str, str],
    *,
    operation: Operation,
    encryption_context: Mapping[str, str],
    kms_keys: Collection[str] = (),
    encrypted_data_keys: Sequence[EncryptedDataKey] | None = (),
) -> bool:
    """Return whether *attempt* says that a cached data key must not be used any longer.

    :param attempt: what KMS was asked and how it answered; anything but a refusal concerns nothing
    :param refused_context: the encryption context of the request that was refused
    :param operation: what the cached data key is for
    :param encryption_context: the encryption context of the cached data key; what the Encryption SDK itself adds to
        either context (``aws-crypto-...``) is left out of the comparison
    :param kms_keys: what :attr:`KmsWatch.keys` held when the data key was cached
    :param encrypted_data_keys: of the cached data key; they decide where *kms_keys* is empty. ``None``: not known, so
        it may be any key's
    """
    if not is_refusal(attempt):
        return False
    if attempt.outcome is KmsOutcome.DENIED and not (
        _is_of(attempt, operation) and _supplied(refused_context) == _supplied(encryption_context)
    ):
        return False
    if kms_keys:
        return asked_key(attempt) in kms_keys
    return encrypted_data_keys is None or any(_may_be_under(attempt, key) for key in encrypted_data_keys)


def _qualified(identifier: str, region: str | None) -> str:
    return identifier if identifier.startswith("arn:") else f"{region or ''} {identifier}"


def _is_of(attempt: KeyAttempt, operation: Operation) -> bool:
    """Return whether permission for what was refused is permission for *operation*."""
    if attempt.operation in ("DeriveSharedSecret", "GetPublicKey") or attempt.keyring == _KEY_STORE:  # serve both
        return True
    return (attempt.operation == "Decrypt") == (operation is Operation.DECRYPT)


def _supplied(context: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in context.items() if not key.startswith(RESERVED_PREFIX)}


def _may_be_under(attempt: KeyAttempt, key: EncryptedDataKey) -> bool:
    if attempt.operation == "DeriveSharedSecret":  # such encrypted data keys name no key of KMS
        return key.key_provider_id in ECDH_PROVIDER_IDS
    arn = parse_kms_arn(attempt.key)
    if arn is None or not arn.is_key:  # an alias or a key ID: nothing says that it is not the key of this one
        return True
    from warmkey.keyrings.aws_kms_mrk_match_for_decrypt import match_for_decrypt  # noqa: PLC0415 - few come here

    return match_for_decrypt(attempt.key, key.key_provider_info.decode(errors="replace"))
