"""The functions for handlers: encrypt and decrypt with one caching CMM that lives as long as the container.

Everything is built at the first use from ``WARMKEY_*`` environment variables (``docs/settings.md``), and safe for
threads and forks.
"""

from __future__ import annotations

from dataclasses import asdict, field
from typing import TYPE_CHECKING, Any, Literal, Unpack

from warmkey.caches.local import LocalCMC
from warmkey.crypto.signatures import library_in_use
from warmkey.events import EvictionReason, KmsOutcome, Operation, ignore
from warmkey.exceptions import InvalidRequest, MalformedMessage, WarmkeyError
from warmkey.fork_safety import living_instances
from warmkey.lambda_runtime.default_client import DEFAULT
from warmkey.lambda_runtime.settings import is_command_line, is_snap_start
from warmkey.lambda_runtime.wiring import Overrides
from warmkey.message_ends import ended_early
from warmkey.observability.counters import RARE_ENDS
from warmkey.records import Record
from warmkey.tracebacks import scrubbed
from warmkey.validation import shown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from warmkey.bytes_like import BytesLike
    from warmkey.client_apis.client import Client
    from warmkey.clock import Clock
    from warmkey.cmms.statistics import OperationStatistics
    from warmkey.events import DynamoDbOutcome, Emit
    from warmkey.lambda_runtime.keywords import Keywords as Keywords  # noqa: PLC0414 - warmkey.testing has it from here
    from warmkey.lambda_runtime.keywords import SettingsKeywords
    from warmkey.lambda_runtime.wiring import HelpersCMM, Runtime
    from warmkey.observability import MessageStatistics

__all__ = [
    "CacheInfo",
    "cache_info",
    "configure",
    "decrypt",
    "decrypt_text",
    "default_client",
    "default_cmm",
    "encrypt",
    "encrypt_text",
    "purge",
    "reset",
    "self_check",
    "warm_up",
]


@scrubbed
def encrypt(plaintext: BytesLike, encryption_context: Mapping[str, str] | None = None) -> bytes:
    """Encrypt *plaintext*; the message can be decrypted by every AWS Encryption SDK.

    :param plaintext: bytes, anything with a buffer (an array, a memory map), or boto3's ``Binary``
    :param encryption_context: text pairs that are authenticated and stored unencrypted with the message
    :raises ConfigurationError: a setting is missing or wrong
    :raises InvalidRequest: an argument can't be used
    :raises PolicyRefused: ``WARMKEY_REQUIRED_CONTEXT_KEYS`` names a key that the context lacks, or
        ``WARMKEY_TENANT_CONTEXT_KEY`` is set and the context is not of the current tenant
    :raises KeyUnavailable: KMS gave no data key
    """
    default = DEFAULT.get()
    if default.required:
        _check_required(default, encryption_context, Operation.ENCRYPT)
    return default.client.encrypt(
        plaintext,
        cmm=default.cmm,
        encryption_context=encryption_context,
        algorithm_suite=default.algorithm_suite,
        frame_length=default.frame_length,
    ).ciphertext


@scrubbed
def decrypt(ciphertext: BytesLike, encryption_context: Mapping[str, str] | None = None) -> bytes:
    """Decrypt a message of :func:`encrypt` or of any AWS Encryption SDK; verified as a whole, or not returned.

    :param ciphertext: bytes, anything with a buffer (an array, a memory map), or boto3's ``Binary``
    :param encryption_context: pairs to insist on: the message must have been encrypted with each of them
    :raises MalformedMessage: the bytes are not a message
    :raises AuthenticationFailed: the message was tampered with, or not made for this context
    :raises PolicyRefused: its context, commitment or number of encrypted data keys is not allowed, or it is a sealed
        record or a token, for which see :func:`unseal_record` and :func:`open_token`
    :raises KeyUnavailable: no configured key can decrypt it, or KMS refused
    :raises InvalidRequest: an argument can't be used
    :raises ConfigurationError: a setting is missing or wrong
    """
    default = DEFAULT.get()
    if default.required:
        _check_required(default, encryption_context, Operation.DECRYPT)
    return default.client.decrypt(ciphertext, cmm=default.cmm, encryption_context=encryption_context).plaintext


def _check_required(default: Runtime, context: Mapping[str, str] | None, operation: Operation) -> None:
    try:
        default.check_required(context)
    except WarmkeyError as error:
        ended_early(default.cmm, operation, error)
        raise


@scrubbed
def encrypt_text(text: str, encryption_context: Mapping[str, str] | None = None) -> str:
    """:func:`encrypt` for text: the message as base64.

    :raises WarmkeyError: as :func:`encrypt`
    """
    from warmkey.sealed.text import to_base64, utf_8  # noqa: PLC0415 - loaded at the first use

    try:
        if not isinstance(text, str):
            raise InvalidRequest(f"the text must be str, not {type(text).__name__}; encrypt takes bytes")
        plaintext = utf_8(text, what="the text")
    except InvalidRequest as error:
        DEFAULT.count_early_end(Operation.ENCRYPT, error)
        raise
    return to_base64(encrypt(plaintext, encryption_context))


@scrubbed
def decrypt_text(text: str, encryption_context: Mapping[str, str] | None = None) -> str:
    """:func:`decrypt` for what :func:`encrypt_text` made.

    :raises MalformedMessage: *text* is not the base64 of a message
    :raises InvalidRequest: what was encrypted is not text, or *text* is not a str
    :raises WarmkeyError: as :func:`decrypt`
    """
    from warmkey.sealed.text import from_base64  # noqa: PLC0415 - loaded at the first use

    try:
        if not isinstance(text, str):
            raise InvalidRequest(f"the message must be base64 in a str, not {type(text).__name__}; decrypt takes bytes")
        message = from_base64(text, where="text", writer="encrypt_text")
    except (InvalidRequest, MalformedMessage) as error:
        DEFAULT.count_early_end(Operation.DECRYPT, error)
        raise
    return _text(decrypt(message, encryption_context))


def _text(plaintext: bytes) -> str:
    try:
        return plaintext.decode()
    except UnicodeDecodeError:
        problem = "the message was decrypted, but what it holds is not UTF-8 text; decrypt gives it as bytes"
    raise InvalidRequest(problem)  # not above: the codec's error holds the plaintext


@scrubbed
def configure(
    *,
    kms_client: Any = None,  # noqa: ANN401 - boto3 has no types
    dynamodb_client: Any = None,  # noqa: ANN401 - boto3 has no types
    botocore_config: Any = None,  # noqa: ANN401 - botocore has no types
    emit: Emit = ignore,
    clock: Clock | None = None,
    **settings: Unpack[SettingsKeywords],
) -> None:
    """Set what differs from the environment, before the first use.

    :param kms_client: a boto3 KMS client to use for every key, whatever its Region
    :param dynamodb_client: a boto3 DynamoDB client for the table of branch keys
    :param botocore_config: a ``botocore.config.Config`` over ours, for example for a proxy or an endpoint
    :param emit: told what happens (:mod:`warmkey.events`)
    :param clock: tells the time; tests move it
    :param settings: named as the variables in lower case without ``WARMKEY_``, as typed values or as text
    :raises ConfigurationError: a setting is wrong or unknown, or the first use is past

    Under a fixture of :mod:`warmkey.testing` the KMS, the keys and the clock stay the test's.
    """
    DEFAULT.configure(
        _overrides(
            kms_client=kms_client,
            dynamodb_client=dynamodb_client,
            botocore_config=botocore_config,
            emit=emit,
            clock=clock,
            **settings,
        )
    )


def pinned(**keywords: Unpack[Keywords]) -> AbstractContextManager[None]:
    """Keep *keywords* of :func:`configure` in force for a ``with`` block, whatever else it is given meanwhile.

    For :mod:`warmkey.testing`: see :meth:`warmkey.lambda_runtime.default_client.DefaultClient.pinned`.

    :raises ConfigurationError: a setting is wrong or unknown
    """
    return DEFAULT.pinned(_overrides(**keywords))


def pin(**keywords: Unpack[Keywords]) -> None:
    """Put *keywords* in place of those that :func:`pinned` was given.

    :raises ConfigurationError: a setting is wrong or unknown
    """
    DEFAULT.pin(_overrides(**keywords))


def _overrides(
    *,
    kms_client: Any = None,  # noqa: ANN401 - as configure
    dynamodb_client: Any = None,  # noqa: ANN401 - as configure
    botocore_config: Any = None,  # noqa: ANN401 - as configure
    emit: Emit = ignore,
    clock: Clock | None = None,
    **settings: Unpack[SettingsKeywords],
) -> Overrides:
    return Overrides(
        kms_client=kms_client,
        dynamodb_client=dynamodb_client,
        botocore_config=botocore_config,
        emit=emit,
        clock=clock,
        settings=settings,
    )


def warm_up() -> None:
    """Check the settings and build everything now, so that the first message waits for KMS only. Asks KMS nothing.

    ``WARMKEY_INIT=eager`` does this when warmkey is imported.

    :raises ConfigurationError: a setting is missing or wrong
    """
    DEFAULT.get()


@scrubbed
def self_check(
    encryption_context: Mapping[str, str] | None = None,
    *,
    detail: bool = False,
    function_timeout: float | None = None,
    only: Literal["encrypt", "decrypt"] | None = None,
) -> dict[str, Any]:
    """Examine this deployment: settings, packages, permissions by dry run, network, time-outs, what the cache did.

    Nothing is generated, decrypted or written. Dry runs are billed as requests. What is found goes to the log, with
    ARNs; the answer has codes and counts, and nothing of the account.

    :param encryption_context: pairs that messages have; permissions are tried without and with them
    :param detail: whether the answer has findings and permissions too, with ARNs; never a value of a context
    :param function_timeout: of the function in seconds, to compare with the time-outs of KMS
    :param only: whether the function only encrypts, or only decrypts
    :raises InvalidRequest: an argument can't be used
    :return: for ``json.dumps``: ``status`` (0, 1 for warnings, 2 if something will fail), ``codes``, ``failures``,
        ``warnings``, ``notes``, ``requests``
    """
    from warmkey.doctor.self_check import check  # noqa: PLC0415 - loaded at the first use

    return check(encryption_context, detail=detail, function_timeout=function_timeout, only=only)


def default_client() -> Client:
    """The client that the helpers use, for what they don't offer; give it :func:`default_cmm`.

    :raises ConfigurationError: a setting is missing or wrong
    """
    return DEFAULT.get().client


def default_cmm() -> HelpersCMM:
    """The caching CMM that the helpers use. Ask for it each time: it differs after a reset, a fork and a restore.

    Where messages are encrypted under branch keys and not cached, or ``WARMKEY_TENANT_CONTEXT_KEY`` is set, it is
    another CMM with the same methods.

    :raises ConfigurationError: a setting is missing or wrong
    """
    return DEFAULT.get().cmm


def reset() -> None:
    """Forget cache, clients and what :func:`configure` was given; the next use starts from the environment."""
    DEFAULT.discard()


@scrubbed
def purge(partition_id: str | None = None) -> int:
    """Revoke now: forget every cached data key of this process, and those being requested; how many entries left.

    This empties every :class:`warmkey.LocalCMC` that is alive, your own ones too.

    :param partition_id: only the entries of this partition
    :raises InvalidRequest: it is empty or not a str
    """
    if partition_id is not None and (not isinstance(partition_id, str) or not partition_id):
        raise InvalidRequest(
            f"partition_id must be a str that is not empty, or None for all partitions, not {shown(partition_id)}"
        )
    return sum(cache.purge(partition_id) for cache in living_instances(LocalCMC))


class CacheInfo(Record):
    """What the cache of the helpers did in this container so far.

    :ivar encrypt: how encryptions ended
    :ivar decrypt: how decryptions ended
    :ivar entries: data keys in the cache
    :ivar capacity: the most that stay
    :ivar max_age_seconds: how long each may be used
    :ivar partition_id: the partition
    :ivar evictions: entries that left, by reason
    :ivar kms_requests: by operation and outcome
    :ivar unsealed_records_passed: records that ``unseal_record`` passed on because of ``missing="pass"``
    :ivar branch_keys: where branch keys are used, how the requests for them ended, by operation
    :ivar dynamodb_requests: by operation and outcome
    :ivar signatures: the library that signs and verifies, ``cryptography`` or ``awscrt``, in a SnapStart environment
        ``awscrt (cryptography to sign)``; ``None`` before the first signing or verifying key
    """

    encrypt: MessageStatistics
    decrypt: MessageStatistics
    entries: int
    capacity: int
    max_age_seconds: float
    partition_id: str
    evictions: Mapping[EvictionReason, int]
    kms_requests: Mapping[str, Mapping[KmsOutcome, int]]
    unsealed_records_passed: int
    branch_keys: Mapping[Operation, OperationStatistics] | None = None
    dynamodb_requests: Mapping[str, Mapping[DynamoDbOutcome, int]] = field(default_factory=dict)
    signatures: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the same for ``json.dumps`` or a handler's response; what no message was refused for is left out."""
        whole = asdict(self)
        for operation in Operation:
            ends = whole[operation]
            whole[operation] = {name: count for name, count in ends.items() if count or name not in RARE_ENDS}
        return whole


def cache_info() -> CacheInfo:
    """The books of the default cache.

    :raises ConfigurationError: a setting is missing or wrong
    """
    runtime: Runtime = DEFAULT.get()
    cache: Any = runtime.cmm.cache
    branch_keys = runtime.branch_keys
    return CacheInfo(
        encrypt=runtime.messages.of(Operation.ENCRYPT),
        decrypt=runtime.messages.of(Operation.DECRYPT),
        entries=len(cache),
        capacity=cache.capacity,
        max_age_seconds=runtime.settings.max_age_seconds,
        partition_id=runtime.cmm.partition_id,
        evictions=runtime.counter.evictions(),
        kms_requests=runtime.counter.kms_requests(),
        unsealed_records_passed=runtime.counter.unsealed_records_passed(),
        branch_keys=None if branch_keys is None else {each: branch_keys.statistics(each) for each in Operation},
        dynamodb_requests=runtime.counter.dynamodb_requests(),
        signatures=library_in_use(),
    )


if is_snap_start():
    from warmkey.lambda_runtime import snapstart

    snapstart.prepare()
if not is_command_line():
    DEFAULT.choose_signatures()
    DEFAULT.prepare_if_eager()
