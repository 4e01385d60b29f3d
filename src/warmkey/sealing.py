"""Sealed records and tokens: what programs store and hand out, encrypted with the same caching CMM as the helpers use.

A record's secret fields travel together in one message, tied to the record that they belong to; a token is a message
as text for URLs, with an expiry inside; a checkpoint belongs to one operation of one durable execution, and is for
:mod:`warmkey.durable`. All are messages of the AWS Encryption SDK, of kinds of their own
(:mod:`warmkey.client_apis.kinds`). What is inside is described in :mod:`warmkey.sealed`, and loaded at the first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warmkey.client_apis.decrypt import decrypt
from warmkey.client_apis.encrypt import DEFAULT_FRAME_LENGTH, encrypt
from warmkey.events import Operation, UnsealedRecordPassed
from warmkey.exceptions import InvalidRequest, MalformedMessage, PolicyRefused
from warmkey.lambda_runtime.default_client import DEFAULT
from warmkey.message_ends import message_of
from warmkey.structures import EncryptionContext
from warmkey.tracebacks import scrubbed
from warmkey.validation import kind_of, plausible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Literal, TypeAlias

    from warmkey.algorithm_suites import AlgorithmSuite
    from warmkey.bytes_like import BytesLike
    from warmkey.client_apis.encrypt import FrameLength
    from warmkey.client_apis.kinds import Kind
    from warmkey.sealed.checkpoints import Place

    FieldPath: TypeAlias = str | tuple[str | int, ...]

__all__ = [
    "UNDER",
    "is_sealed",
    "message_in",
    "message_length",
    "open_checkpoint",
    "open_token",
    "seal_checkpoint",
    "seal_record",
    "seal_token",
    "unseal_record",
]

# The field that has the message of a record, unless a caller names another.
UNDER = "_sealed"
# Of one KMS key: lengths of the three fields, "aws-kms", an ARN of 75 characters, and a ciphertext blob of 167 bytes.
_KMS_ENCRYPTED_DATA_KEY_LENGTH = 3 * 2 + 7 + 75 + 167


@scrubbed
def seal_record(
    record: dict[str, Any],
    fields: Iterable[FieldPath],
    encryption_context: Mapping[str, str] | None = None,
    *,
    bound_to: Iterable[str] | Mapping[str, Any] = (),
    under: str = UNDER,
    text: bool = False,
) -> dict[str, Any]:
    """Return *record* without *fields*, which are together in one message under *under*. The argument stays as it is.

    The rest stays readable and can be queried. Values come back as they were: what JSON has, ``Decimal``, ``bytes``,
    sets of text, numbers and bytes, and boto3's ``Binary`` (as ``bytes``).

    :param fields: names, or paths such as ``("lines", 0, "note")``. The rest of a list that a path crosses is bound as
        well: the record can't be unsealed after the list was edited or reordered
    :param encryption_context: text pairs, as for :func:`warmkey.encrypt`. For what is the same in many records, such as
        the tenant, because each context needs a data key of its own
    :param bound_to: names of fields that the message is tied to, such as the record's key and a version; it can't be
        unsealed beside other values of them. In a mapping, the values must be the record's
    :param under: the field that gets the message
    :param text: whether the message is base64url as ``str``, instead of ``bytes``
    :raises InvalidRequest: an argument can't be used, a field is not there, or a value is of a type that can't come
        back as it was; says which
    :raises WarmkeyError: as :func:`warmkey.encrypt`
    """
    from warmkey.sealed.records import take  # noqa: PLC0415 - see the module
    from warmkey.sealed.text import to_base64url  # noqa: PLC0415

    with message_of(DEFAULT.get().cmm, Operation.ENCRYPT):
        rest, plaintext = take(record, fields, bound_to=bound_to, under=under)
        message = _encrypt(plaintext, encryption_context, kind="record")
    rest[under] = to_base64url(message) if text else message
    return rest


@scrubbed
def unseal_record(
    record: dict[str, Any],
    encryption_context: Mapping[str, str] | None = None,
    *,
    bound_to: Iterable[str] | Mapping[str, Any] | None = None,
    under: str = UNDER,
    missing: Literal["error", "pass"] = "error",
) -> dict[str, Any]:
    """Return the record that :func:`seal_record` was given. The argument stays as it is.

    :param record: as it was stored. The message may be bytes, boto3's ``Binary``, base64url without padding or, as in
        DynamoDB's stream events, standard base64
    :param encryption_context: pairs to insist on, as for :func:`warmkey.decrypt`
    :param bound_to: a mapping of names to the values that you expect, from the request and not from *record*: only that
        tells a whole other record, or an older copy, from the one that you asked for. Names alone must have been bound
    :param under: the field that has the message
    :param missing: ``pass``: return a copy of a record that has no message. During a backfill only: whoever can write
        the store can then put values in place of sealed ones. Counted, and not together with *bound_to*
    :raises InvalidRequest: an argument can't be used
    :raises MalformedMessage: what is under *under* is not a message
    :raises PolicyRefused: there is no message, it is not a sealed record, or the record around it is not the one that
        it was sealed with: a bound field, a list or *bound_to* differs, or a sealed field is there unencrypted
    :raises WarmkeyError: as :func:`warmkey.decrypt`
    """
    from warmkey.sealed.records import check_stored, restore  # noqa: PLC0415 - see the module

    with message_of(DEFAULT.get().cmm, Operation.DECRYPT):
        _check_missing(missing, bound_to)
        expected = check_stored(record, under=under, bound_to=bound_to)
        if under not in record:
            _pass_unsealed(encryption_context, under, missing)
            return dict(record)
        message = message_in(record[under], under)
        try:
            plaintext = _decrypt(message, encryption_context, kind="record")
        except MalformedMessage as error:
            raise error.inside(under) from None
        return restore(record, plaintext, bound_to=expected, under=under)


@scrubbed
def is_sealed(record: dict[str, Any], *, under: str = UNDER) -> bool:
    """Return whether *record* has a field *under*. Not a security check: it says nothing about what the field holds.

    Whoever can write the store decides the answer. To rely on a value, call :func:`unseal_record`.

    :raises InvalidRequest: an argument can't be used
    """
    from warmkey.sealed.records import check_stored  # noqa: PLC0415 - see the module

    check_stored(record, under=under, bound_to=None)
    return under in record


@scrubbed
def seal_token(
    data: BytesLike | str, encryption_context: Mapping[str, str] | None = None, *, expires_in: float | None = None
) -> str:
    """Return *data*, encrypted, as text for a URL, a header or a cookie: base64url without padding.

    Whoever has a token can use it until it expires, any number of times. It is not a session, and does not prove who
    sends it.

    :param data: bytes, or text as UTF-8
    :param encryption_context: text pairs, as for :func:`warmkey.encrypt`
    :param expires_in: seconds; the token ends on a whole second, up to one second earlier. ``None``: it does not expire
    :raises InvalidRequest: an argument can't be used
    :raises WarmkeyError: as :func:`warmkey.encrypt`
    """
    from warmkey.sealed.text import to_base64url  # noqa: PLC0415 - see the module
    from warmkey.sealed.tokens import write  # noqa: PLC0415

    default = DEFAULT.get()
    with message_of(default.cmm, Operation.ENCRYPT):
        plaintext = write(data, expires_in=expires_in, now=default.clock.now())
        return to_base64url(_encrypt(plaintext, encryption_context, kind="token"))


@scrubbed
def open_token(token: str, encryption_context: Mapping[str, str] | None = None) -> bytes:
    """Return the data of a token of :func:`seal_token`; text as UTF-8.

    :param encryption_context: pairs to insist on, as for :func:`warmkey.decrypt`
    :raises TokenExpired: it was genuine, and its time is over by the wall clock of this machine
    :raises MalformedMessage: the text is not that of a token
    :raises PolicyRefused: it is a message of another kind, or of another context
    :raises InvalidRequest: an argument can't be used
    :raises WarmkeyError: as :func:`warmkey.decrypt`
    """
    from warmkey.sealed.text import from_base64url  # noqa: PLC0415 - see the module
    from warmkey.sealed.tokens import read  # noqa: PLC0415

    default = DEFAULT.get()
    with message_of(default.cmm, Operation.DECRYPT):
        if not isinstance(token, str):
            raise InvalidRequest(f"the token must be str, not {type(token).__name__}")
        message = from_base64url(token, where="token", writer="seal_token")
        plaintext = _decrypt(message, encryption_context, kind="token")
        return read(plaintext, now=default.clock.now())


@scrubbed
def seal_checkpoint(data: str, encryption_context: Mapping[str, str] | None, place: Place | None) -> str:
    """Return *data* of a durable execution, encrypted, as base64url without padding.

    :param place: what it is bound to
    :raises WarmkeyError: as :func:`seal_token`
    """
    from warmkey.sealed.checkpoints import write  # noqa: PLC0415 - see the module
    from warmkey.sealed.text import to_base64url  # noqa: PLC0415

    with message_of(DEFAULT.get().cmm, Operation.ENCRYPT):
        return to_base64url(_encrypt(write(data, place), encryption_context, kind="checkpoint"))


@scrubbed
def open_checkpoint(text: str, encryption_context: Mapping[str, str] | None, place: Place | None) -> str:
    """Return the data of :func:`seal_checkpoint`.

    :param place: what it has to be bound to
    :raises WarmkeyError: as :func:`open_token`
    """
    from warmkey.sealed.checkpoints import read  # noqa: PLC0415 - see the module
    from warmkey.sealed.text import from_base64url  # noqa: PLC0415

    with message_of(DEFAULT.get().cmm, Operation.DECRYPT):
        message = from_base64url(text, where="checkpoint", writer="EncryptedSerDes")
        return read(_decrypt(message, encryption_context, kind="checkpoint"), place)


@scrubbed
def message_length(
    plaintext_length: int,
    *,
    algorithm_suite: AlgorithmSuite | None = None,
    encryption_context: Mapping[str, str] | None = None,
    frame_length: FrameLength = DEFAULT_FRAME_LENGTH,
    encrypted_data_key_lengths: Iterable[int] = (_KMS_ENCRYPTED_DATA_KEY_LENGTH,),
) -> int:
    """Return how many bytes a message takes. Of a signed one the most, because signatures differ by a few bytes.

    :param plaintext_length: bytes
    :param algorithm_suite: ``None``: the one that is used by default, which signs
    :param encryption_context: as for :func:`warmkey.encrypt`. A sealed record or a token has one pair more, which
        counts if it is given here: ``{"warmkey-kind": "record"}``
    :param frame_length: as for :meth:`Client.encrypt`
    :param encrypted_data_key_lengths: bytes of each encrypted data key in the header, its three length fields included;
        by default of one AWS KMS key with an ARN of 75 characters
    :raises InvalidRequest: an argument can't be used
    """
    from warmkey.client_apis import message_length as lengths  # noqa: PLC0415 - few functions need it

    return lengths.message_length(
        plaintext_length,
        algorithm_suite=algorithm_suite,
        encryption_context=encryption_context,
        frame_length=frame_length,
        encrypted_data_key_lengths=encrypted_data_key_lengths,
    )


def _encrypt(plaintext: bytes, context: Mapping[str, str] | None, *, kind: Kind) -> bytes:
    default = DEFAULT.get()
    if default.required:
        default.check_required(context)
    return encrypt(
        plaintext,
        cmm=default.cmm,
        commitment_policy=default.client.commitment_policy,
        max_encrypted_data_keys=default.client.max_encrypted_data_keys,
        encryption_context=context,
        algorithm_suite=default.algorithm_suite,
        frame_length=default.frame_length,
        kind=kind,
    ).ciphertext


def _decrypt(message: bytes, context: Mapping[str, str] | None, *, kind: Kind) -> bytes:
    default = DEFAULT.get()
    if default.required:
        default.check_required(context)
    return decrypt(
        message,
        cmm=default.cmm,
        commitment_policy=default.client.commitment_policy,
        max_encrypted_data_keys=default.client.max_encrypted_data_keys,
        encryption_context=context,
        kind=kind,
    ).plaintext


def _check_missing(missing: object, bound_to: object) -> None:
    if missing not in ("error", "pass"):
        raise InvalidRequest(f"missing must be 'error' or 'pass', not {plausible(missing)}")
    if missing == "pass" and bound_to is not None:
        raise InvalidRequest(
            "missing='pass' can't be used together with bound_to: a record without a sealed value is bound to nothing"
        )


def _pass_unsealed(context: Mapping[str, str] | None, under: str, missing: str) -> None:
    if missing == "error":
        name = under if under == UNDER else f"<{kind_of(under)}>"  # which may be a value in the place of a name
        raise PolicyRefused(f"the record has no field {name}, so nothing in it is known to have been sealed")
    default = DEFAULT.get()
    if default.required:
        default.check_required(context)
    if default.tenant is not None:  # no CMM is asked, which would check it
        default.tenant.check(EncryptionContext.of(context))
    default.emit(UnsealedRecordPassed())


def message_in(value: object, under: str) -> bytes:
    """Return the message that a store gave back as *value*: bytes of any kind, or text.

    :param under: the name of the field, for errors
    :raises MalformedMessage: it is something else, or text of another form
    """
    if type(value) is bytes:
        return value
    from warmkey.bytes_like import bytes_of  # noqa: PLC0415 - see the module
    from warmkey.sealed.text import from_base64, from_base64url  # noqa: PLC0415

    if isinstance(value, str):
        if any(character in value for character in "+/="):
            return from_base64(value, where=under, writer="a stream event")
        return from_base64url(value, where=under, writer="seal_record")
    found = bytes_of(value)
    if found is None:
        raise MalformedMessage(f"must be bytes or text, not {type(value).__name__}", where=under)
    return bytes(found)
