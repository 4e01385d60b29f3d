"""Plan the requests of an examination, and say beforehand how many there will be."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from warmkey.doctor.dry_runs import Ask
from warmkey.keyrings.aws_kms_key_arn import parse_kms_arn, region_of
from warmkey.keyrings.interface import AWS_KMS_PROVIDER_ID
from warmkey.policy.keys import encryption_identifiers, required_keys
from warmkey.policy.permissions import signs
from warmkey.structures import PUBLIC_KEY_FIELD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from warmkey.doctor.subject import Sample, Subject
    from warmkey.lambda_runtime.settings import Settings

__all__ = ["GIVEN", "NO_CONTEXT", "OF_A_MESSAGE", "Group", "announcement", "groups", "most_requests", "without_signing"]

NO_CONTEXT, GIVEN, OF_A_MESSAGE = "none", "given", "a message's"
# What a condition sees in place of a value that nobody has given.
_PLACEHOLDER = "warmkey-doctor"
# Of each kind of message, one shows as much as many; each costs a request.
_MOST_SAMPLES = 3
# The form of the public key in a signed message's context, of nobody's key.
_NO_PUBLIC_KEY = "A" * 68
_DESCRIBE_TABLE_AND_GET_ITEM = 2


class Group(NamedTuple):
    """Holds what is asked about one operation with one key, under one context after the other.

    :ivar region: where to ask; ``None`` for the Region that boto3 is configured for
    """

    operation: str
    key: str
    region: str | None
    asks: tuple[Ask, ...]


def groups(settings: Settings, subject: Subject) -> list[Group]:
    """Return what is to be asked, in order: GenerateDataKey first, which shows whether dry runs are understood."""
    return [*_encrypting(settings, subject), *_decrypting(settings, subject)]


def _encrypting(settings: Settings, subject: Subject) -> Iterator[Group]:
    if subject.encrypts():
        for number, key in enumerate(encryption_identifiers(settings)):
            yield _group("GenerateDataKey" if number == 0 else "Encrypt", key, settings, subject)


def _decrypting(settings: Settings, subject: Subject) -> Iterator[Group]:
    if not subject.decrypts():
        return
    for key in decryption_keys(settings):
        yield _group("Decrypt", key, settings, subject)
    yield from _of_samples(decryption_keys(settings), subject.samples)


def decryption_keys(settings: Settings) -> tuple[str, ...]:
    """Return the ARNs of the keys that the settings name to decrypt with."""
    identifiers = dict.fromkeys([*settings.kms_key_arns, *settings.decrypt_key_arns])
    return tuple(key for key in identifiers if (arn := parse_kms_arn(key)) is not None and arn.is_key)


def _group(operation: str, key: str, settings: Settings, subject: Subject) -> Group:
    signed = {PUBLIC_KEY_FIELD: _NO_PUBLIC_KEY} if signs(settings) else {}
    given = dict.fromkeys(required_keys(settings), _PLACEHOLDER) | dict(subject.context)
    asks = [Ask(operation=operation, key=key, about=NO_CONTEXT, context=MappingProxyType(signed))]
    if given:
        asks.append(Ask(operation=operation, key=key, about=GIVEN, context=MappingProxyType(given | signed)))
    return Group(operation, key, region_of(key) or subject.home_region(), tuple(asks))


def without_signing(ask: Ask) -> Ask:
    """Return *ask* with the context of a message that is not signed."""
    context = {key: value for key, value in ask.context.items() if key != PUBLIC_KEY_FIELD}
    return Ask(operation=ask.operation, key=ask.key, about=ask.about, context=MappingProxyType(context))


def _of_samples(keys: Sequence[str], samples: Sequence[Sample]) -> Iterator[Group]:
    """Give a group for each of the first distinct data keys of messages under one of *keys*."""
    seen: set[bytes] = set()
    for header in (sample.header for sample in samples if sample.header is not None):
        for encrypted in header.encrypted_data_keys:
            key = encrypted.key_provider_info.decode("utf-8", "replace")
            fresh = encrypted.ciphertext not in seen and len(seen) < _MOST_SAMPLES
            if encrypted.key_provider_id == AWS_KMS_PROVIDER_ID and key in keys and fresh:
                seen.add(encrypted.ciphertext)
                context: Mapping[str, str] = header.encryption_context
                ask = Ask(
                    operation="Decrypt", key=key, about=OF_A_MESSAGE, context=context, ciphertext=encrypted.ciphertext
                )
                yield Group("Decrypt", key, region_of(key), (ask,))


def most_requests(planned: Sequence[Group], settings: Settings) -> dict[str, int]:
    """Return the most requests that there will be, by service."""
    asks = sum(len(group.asks) for group in planned)
    keys = len({group.key for group in planned})
    # A denial is looked into: without the signing key in the context, and in the key policy.
    again = len(planned) if signs(settings) else 0
    has_table = settings.branch_key_store_table is not None
    return {
        "kms": asks + again + 2 * keys + (1 if has_table else 0),
        "dynamodb": _DESCRIBE_TABLE_AND_GET_ITEM if has_table else 0,
    }


def announcement(planned: Mapping[str, int]) -> str:
    """Say how many requests there will be, and how they show."""
    table = f" and {planned['dynamodb']} to DynamoDB" if planned["dynamodb"] else ""
    return (
        f"making up to {planned['kms']} requests to KMS{table}. KMS bills dry runs as requests, and counts them "
        "against the quota. CloudTrail shows them as GenerateDataKey, Encrypt and Decrypt with the error code "
        "DryRunOperationException where they are allowed, and with AccessDenied where not; DescribeKey and "
        "GetKeyPolicy are real requests that read. Nothing is generated, decrypted or written."
    )
