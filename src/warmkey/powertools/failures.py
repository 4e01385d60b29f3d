"""What goes wrong, as the errors of Data Masking, so that a handler that catches these needs no change."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from aws_lambda_powertools.utilities.data_masking import exceptions

from warmkey.events import Operation
from warmkey.exceptions import ConfigurationError, InvalidRequest, KeyUnavailable, PolicyRefused, WarmkeyError
from warmkey.lambda_runtime.default_client import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ContextDiffers", "FieldNotFound", "counted_if_it_fails", "data_masking_errors"]


# Early versions 3 have no class above the others.
_REFUSED: type[Exception] = getattr(exceptions, "DataMaskingError", exceptions.DataMaskingUnsupportedTypeError)


class ContextDiffers(PolicyRefused):
    """The message was encrypted with another encryption context than exactly the one that was supplied."""


class FieldNotFound(InvalidRequest):
    """A field was named that the record does not have, or that was not encrypted."""


@contextmanager
def data_masking_errors(operation: Operation) -> Iterator[None]:
    """Raise an error of Data Masking in place of one of ours, with ours as its cause.

    :raises DataMaskingError: one of its subclasses
    :raises ConfigurationError: as it is, because it is about the settings and not about the data
    """
    try:
        yield
    except ConfigurationError:
        raise
    except WarmkeyError as error:
        raise _kind(error, operation)(str(error)) from error


def _kind(error: WarmkeyError, operation: Operation) -> type[Exception]:
    is_decrypt = operation is Operation.DECRYPT
    if isinstance(error, ContextDiffers):
        return exceptions.DataMaskingContextMismatchError
    if isinstance(error, FieldNotFound):
        return exceptions.DataMaskingFieldNotFoundError
    if isinstance(error, KeyUnavailable):
        return exceptions.DataMaskingDecryptKeyError if is_decrypt else exceptions.DataMaskingEncryptKeyError
    if isinstance(error, InvalidRequest):
        return exceptions.DataMaskingUnsupportedTypeError
    return exceptions.DataMaskingDecryptValueError if is_decrypt else _REFUSED


@contextmanager
def counted_if_it_fails(operation: Operation) -> Iterator[None]:
    """Count a message that ends inside the block, before the client was asked."""
    try:
        yield
    except WarmkeyError as error:
        DEFAULT.count_early_end(operation, error)
        raise
