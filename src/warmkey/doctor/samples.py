"""Look at messages that somebody gave as examples: their form, their context, and the keys that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.client_apis.kinds import KINDS
from warmkey.keyrings.interface import AWS_KMS_PROVIDER_ID
from warmkey.policy.keys import required_keys
from warmkey.structures import KIND_KEY, PUBLIC_KEY_FIELD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from warmkey.data_format.message_header import MessageHeader
    from warmkey.doctor.report import Report
    from warmkey.doctor.subject import Subject
    from warmkey.lambda_runtime.settings import KmsMode, Settings

__all__ = ["examine_samples"]

# From so many messages on, a value that is different in each is not just another tenant's.
_ENOUGH = 3
_HIERARCHY = "aws-kms-hierarchy"


def examine_samples(report: Report, subject: Subject, settings: Settings | None, keys: Sequence[str]) -> None:
    """Report what is wrong with the messages.

    :param settings: ``None`` where they are wrong themselves; then only the form of the messages is looked at
    :param keys: the ARNs that the settings decrypt with
    """
    for sample in subject.samples:
        if sample.code:
            report.add(sample.code, f"{sample.name}: {sample.problem}")
        elif sample.header is not None and settings is not None:
            _compare_context(report, subject, settings, sample.name, sample.header.encryption_context)
            _compare_keys(report, settings, sample.name, [*_keys_of(sample.header)], keys)
    whole = [sample.header.encryption_context for sample in subject.samples if sample.header is not None]
    for key in _changing_keys(whole):
        report.add("context-changes", f"in all {len(whole)} messages, the value of {key!r} is another one")


def _compare_context(
    report: Report, subject: Subject, settings: Settings, name: str, stored: Mapping[str, str]
) -> None:
    """Compare the stored context with the pairs that the caller says messages have; values are not shown."""
    missing = [key for key in subject.context if key not in stored]
    other = [key for key, value in subject.context.items() if key in stored and stored[key] != value]
    missing += [key for key in required_keys(settings) if key not in stored and key not in missing]
    for keys, what in ((missing, "the message lacks"), (other, "the message has another value for")):
        if keys:
            report.add("context-differs", f"{name}: {what} {', '.join(map(repr, keys))}")
    if KIND_KEY in stored:
        kind = stored[KIND_KEY] if stored[KIND_KEY] in KINDS else "of another version"
        report.add("kind-of-message", f"{name}: its kind is {kind}")


def _compare_keys(
    report: Report, settings: Settings, name: str, named: Sequence[tuple[str, str]], keys: Sequence[str]
) -> None:
    under_branch_key = _HIERARCHY in [provider for provider, _ in named] and settings.branch_key_store_table is not None
    if under_branch_key or any(
        _may_decrypt(arn, settings.kms_mode, keys) for kind, arn in named if kind == AWS_KMS_PROVIDER_ID
    ):
        return
    said = ", ".join(f"{provider} {info}".rstrip() for provider, info in named) or "no key"
    report.add("sample-under-another-key", f"{name}: it is encrypted under {said}")


def _keys_of(header: MessageHeader) -> Iterator[tuple[str, str]]:
    """Give the key provider, and the key where that is one of KMS. The ID of a branch key may be a tenant's name."""
    for encrypted in header.encrypted_data_keys:
        is_named = encrypted.key_provider_id == AWS_KMS_PROVIDER_ID
        yield encrypted.key_provider_id, encrypted.key_provider_info.decode("utf-8", "replace") if is_named else ""


def _may_decrypt(arn: str, mode: KmsMode, keys: Sequence[str]) -> bool:
    if mode.discovers or arn in keys:
        return True
    from warmkey.keyrings.aws_kms_mrk_match_for_decrypt import match_for_decrypt  # noqa: PLC0415 - for few samples
    from warmkey.lambda_runtime.settings import KmsMode  # noqa: PLC0415 - as above

    return mode is KmsMode.MRK and any(match_for_decrypt(arn, key) for key in keys)


def _changing_keys(contexts: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the keys that every message has, each with another value. The signing key is new in each by design."""
    if len(contexts) < _ENOUGH:
        return []
    common = set(contexts[0]).intersection(*contexts[1:]) - {PUBLIC_KEY_FIELD}
    return sorted(key for key in common if len({context[key] for context in contexts}) == len(contexts))
