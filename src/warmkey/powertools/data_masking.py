"""Encrypt for Powertools' Data Masking, with the caching CMM of the helpers.

A whole payload is JSON in a plain message, as base64: Powertools' own ``AWSEncryptionSDKProvider`` reads it, and writes
what is read here. Fields are a sealed record: they travel together in one message of a kind of its own, so that two of
them can't be swapped. Powertools has no argument that names fields to encrypt (its issue 7963 asks for one); here they
are named in ``provider_options``, or with :class:`DataMaskingWithFields`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from warmkey.data_format.header_cache import read_cached_header
from warmkey.events import Operation
from warmkey.exceptions import ConfigurationError, InvalidRequest
from warmkey.lambda_runtime.default_client import DEFAULT
from warmkey.powertools.installation import what_is_missing
from warmkey.sealed.text import from_base64, to_base64
from warmkey.sealing import UNDER, message_in, seal_record, unseal_record
from warmkey.structures import KIND_KEY, PUBLIC_KEY_FIELD, EncryptionContext
from warmkey.tracebacks import scrubbed
from warmkey.validation import kind_of, require_method

try:
    from aws_lambda_powertools.utilities.data_masking import DataMasking
    from aws_lambda_powertools.utilities.data_masking.provider import BaseProvider

    from warmkey.powertools.failures import ContextDiffers, counted_if_it_fails, data_masking_errors
    from warmkey.powertools.fields import check_found, check_sealed, paths_of
    from warmkey.powertools.payloads import parsed, record_of, serialized, to_json
except ImportError as error:
    raise what_is_missing("Data Masking", error) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["DataMaskingWithFields", "WarmkeyProvider"]

# What the format and we add to what a caller gives.
_ADDED = frozenset({PUBLIC_KEY_FIELD, KIND_KEY})
_EXACTLY = "the encryption context must be exactly that of the message"
_TO_ENCRYPT = frozenset({"algorithm", "frame_length"})
_TO_SEAL = frozenset({"fields", "bound_to", "under", "text", "raise_on_missing_field"})
_TO_UNSEAL = frozenset({"fields", "bound_to", "under"})


class WarmkeyProvider(BaseProvider):
    """Encrypts and decrypts for ``DataMasking(provider=WarmkeyProvider())``; erasing is Powertools' own.

    Uses the settings and the cache of :func:`warmkey.encrypt`, for decrypting too. Decrypting demands exactly the
    encryption context that the data was encrypted with, as ``AWSEncryptionSDKProvider`` does.

    Options of ``encrypt``, in ``provider_options``: ``algorithm`` (an :class:`warmkey.AlgorithmSuite`, or that of the
    AWS Encryption SDK) and ``frame_length``, as for :meth:`warmkey.Client.encrypt`. With ``fields`` (a list of names,
    JSONPath expressions or paths) the result is a sealed record instead of text; ``bound_to``, ``under`` and ``text``
    are as for :func:`warmkey.seal_record`, but for ``text``, which is True by default. A field that is not there is an
    error unless ``raise_on_missing_field`` is False. ``decrypt`` takes a sealed record, too, and the options
    ``bound_to`` and ``under`` of :func:`warmkey.unseal_record`, and ``fields``: each must have been encrypted.

    :param json_serializer: writes whole payloads
    :param json_deserializer: reads them
    :raises ConfigurationError: one of them can't be called
    """

    @scrubbed
    def __init__(
        self,
        json_serializer: Callable[..., str] = to_json,
        json_deserializer: Callable[[str], Any] = json.loads,
    ) -> None:
        require_method("json_serializer", json_serializer, "__call__")
        require_method("json_deserializer", json_deserializer, "__call__")
        super().__init__(json_serializer=json_serializer, json_deserializer=json_deserializer)

    @scrubbed
    def encrypt(self, data: Any, provider_options: dict[str, Any] | None = None, **encryption_context: str) -> Any:  # noqa: ANN401 - as its base
        """Return *data* encrypted: base64 as ``str``, or a sealed record where the options name fields.

        :raises DataMaskingEncryptKeyError: KMS gave no data key
        :raises DataMaskingUnsupportedTypeError: the data, the context or an option can't be used
        :raises DataMaskingFieldNotFoundError: *data* does not have a field
        :raises DataMaskingError: a policy forbids it
        :raises ConfigurationError: a setting is missing or wrong
        """
        with data_masking_errors(Operation.ENCRYPT):
            if isinstance(provider_options, dict) and "fields" in provider_options:
                return self._seal(data, provider_options, encryption_context)
            return self._encrypt(data, provider_options, encryption_context)

    @scrubbed
    def decrypt(self, data: Any, provider_options: dict[str, Any] | None = None, **encryption_context: str) -> Any:  # noqa: ANN401 - as its base
        """Return what was encrypted.

        :param data: base64 text, or a sealed record
        :raises DataMaskingContextMismatchError: it was encrypted with another encryption context
        :raises DataMaskingDecryptKeyError: no configured key can decrypt it, or KMS refused
        :raises DataMaskingDecryptValueError: it was not encrypted, or was changed, or a policy forbids it
        :raises DataMaskingFieldNotFoundError: a field of the options was not encrypted
        :raises DataMaskingUnsupportedTypeError: the data, the context or an option can't be used
        :raises ConfigurationError: a setting is missing or wrong
        """
        with data_masking_errors(Operation.DECRYPT):
            if isinstance(data, dict):
                return _unseal(data, provider_options, encryption_context)
            return self._decrypt(data, provider_options, encryption_context)

    def _encrypt(self, data: object, given: object, context: Mapping[str, str]) -> str:
        with counted_if_it_fails(Operation.ENCRYPT):
            options = _checked(given, _TO_ENCRYPT)
            plaintext = serialized(data, self.json_serializer)
        default = DEFAULT.get()
        algorithm = options.get("algorithm")
        return to_base64(
            default.client.encrypt(
                plaintext,
                cmm=default.cmm,
                encryption_context=context,
                algorithm_suite=getattr(algorithm, "algorithm_id", algorithm) or default.algorithm_suite,
                frame_length=options.get("frame_length", default.frame_length),
            ).ciphertext
        )

    def _decrypt(self, data: object, given: object, context: Mapping[str, str]) -> Any:  # noqa: ANN401 - what it was
        with counted_if_it_fails(Operation.DECRYPT):
            _checked(given, frozenset())
            message = _message(data)
            _check_exact(message, context)
        default = DEFAULT.get()
        result = default.client.decrypt(message, cmm=default.cmm, encryption_context=context)
        return parsed(result.plaintext, self.json_deserializer)

    def _seal(self, data: object, given: object, context: Mapping[str, str]) -> dict[str, Any]:
        with counted_if_it_fails(Operation.ENCRYPT):
            options = _checked(given, _TO_SEAL)
            record = record_of(data, self.json_deserializer)
            paths, missing = paths_of(options["fields"], record)
            check_found(paths, missing, is_strict=options.get("raise_on_missing_field", True))
        return seal_record(
            record,
            paths,
            context,
            bound_to=options.get("bound_to", ()),
            under=options.get("under", UNDER),
            text=options.get("text", True),
        )


class DataMaskingWithFields(DataMasking):
    """Is ``DataMasking`` with an argument ``fields`` for encrypting and decrypting, as it has for erasing.

    ``encrypt(record, fields=["card", "customer.ssn"], tenant="acme")`` returns the record with these fields together in
    one message, and ``decrypt(record, tenant="acme")`` returns it whole. Powertools' issue 7963 asks for such an
    argument.

    :param provider: by default one with its default arguments
    :param raise_on_missing_field: whether a field that is not there is an error, or a warning
    :raises ConfigurationError: *provider* is another one, which has no fields
    """

    provider: WarmkeyProvider

    @scrubbed
    def __init__(self, provider: WarmkeyProvider | None = None, raise_on_missing_field: bool = True) -> None:  # noqa: FBT001, FBT002 - as its base
        provider = WarmkeyProvider() if provider is None else provider
        if not isinstance(provider, WarmkeyProvider):
            raise ConfigurationError(f"provider must be a WarmkeyProvider, not {type(provider).__name__}")
        super().__init__(provider=provider, raise_on_missing_field=raise_on_missing_field)

    @scrubbed
    def encrypt(  # type: ignore[override]  # in Powertools a key of the context can't have this name either
        self,
        data: Any,  # noqa: ANN401 - as its base
        provider_options: dict[str, Any] | None = None,
        *,
        fields: list[Any] | None = None,
        **encryption_context: str,
    ) -> Any:  # noqa: ANN401 - str or dict
        """Return *data* encrypted, or with *fields* a sealed record; see :meth:`WarmkeyProvider.encrypt`."""
        if fields is None:
            return super().encrypt(data, provider_options, **encryption_context)
        named = {"fields": fields, "raise_on_missing_field": self.raise_on_missing_field}
        return self.provider.encrypt(data, {**(provider_options or {}), **named}, **encryption_context)

    @scrubbed
    def decrypt(  # type: ignore[override]  # as above
        self,
        data: Any,  # noqa: ANN401 - as its base
        provider_options: dict[str, Any] | None = None,
        *,
        fields: list[Any] | None = None,
        **encryption_context: str,
    ) -> Any:  # noqa: ANN401 - what was encrypted
        """Return what was encrypted; see :meth:`WarmkeyProvider.decrypt`."""
        named = {} if fields is None else {"fields": fields}
        return self.provider.decrypt(data, {**(provider_options or {}), **named}, **encryption_context)


def _checked(options: object, allowed: frozenset[str]) -> Mapping[str, Any]:
    if not options:
        return {}
    if not isinstance(options, dict):
        raise InvalidRequest(f"provider_options must be a dict, not {kind_of(options)}")
    if not allowed.issuperset(options):
        known = f"here they are {', '.join(sorted(allowed))}" if allowed else "there are none for this"
        raise InvalidRequest(f"provider_options has an option that is not known; {known}")
    return options


def _message(data: object) -> bytes:
    if isinstance(data, (bytes, bytearray)):
        data = str(data, "ascii", "replace")
    if not isinstance(data, str):
        raise InvalidRequest(f"the data must be text that was encrypted, or a record, not {type(data).__name__}")
    return from_base64(data, where="data", writer="Data Masking")


def _check_exact(message: bytes, context: Mapping[str, str]) -> None:
    """Check that *context* is the message's, before a key is asked for; whether it is authentic turns out later."""
    supplied = EncryptionContext.of(context)
    maximum = DEFAULT.get().client.max_encrypted_data_keys
    stored = read_cached_header(message, maximum_keys=maximum).encryption_context
    differ = sorted(name for name, value in supplied.items() if name in _ADDED or stored.get(name) != value)
    if differ:
        raise ContextDiffers(f"{_EXACTLY}; it has another value, or none, for {', '.join(map(repr, differ))}")
    if stored.keys() - supplied.keys() - _ADDED:
        raise ContextDiffers(f"{_EXACTLY}; it has a key that was not supplied")


def _unseal(record: dict[str, Any], given: object, context: Mapping[str, str]) -> dict[str, Any]:
    with counted_if_it_fails(Operation.DECRYPT):
        options = _checked(given, _TO_UNSEAL)
        under = options.get("under", UNDER)
        record = _with_whole_message(record, under)
        if isinstance(under, str) and under in record:
            _check_exact(message_in(record[under], under), context)
    whole = unseal_record(record, context, bound_to=options.get("bound_to"), under=under)
    if "fields" in options:
        check_sealed(options["fields"], whole, record)
    return whole


def _with_whole_message(record: dict[str, Any], under: object) -> dict[str, Any]:
    """Return *record* with its message as bytes, where ``prepare_data`` made a dict of boto3's ``Binary``."""
    found = record.get(under) if isinstance(under, str) else None
    if isinstance(found, dict) and found.keys() == {"value"}:
        return {**record, under: found["value"]}  # type: ignore[dict-item]  # it is str
    return record
