"""Keep what a request to AWS KMS holds out of what is said about it.

Loaded when something fails. KMS decides what its messages say, and whatever answers in its place may echo the request:
encryption context values, grant tokens, data keys, credentials. Errors of the client hold the request itself.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Redactor", "credentials", "sensitive_texts"]

_REDACTED = "***"
_LONGEST_MESSAGE = 600
_OMISSION = " ... "
# Shorter texts are parts of ordinary words: they are redacted where they are words of their own.
_SHORTEST_ANYWHERE = 4
_ACCESS_KEY_ID = r"\bA[A-Z]{2}A[A-Z0-9]{12,124}\b"
_CREDENTIAL_FIELDS = ("access_key", "secret_key", "token")
_CREDENTIAL_HEADERS = ("Authorization", "X-Amz-Security-Token")


class Redactor:
    """Takes sensitive texts out of messages and errors."""

    def __init__(self, sensitive: Iterable[str]) -> None:
        variants = {variant for text in sensitive for variant in _variants(text)}
        patterns = [_pattern(text) for text in sorted(variants, key=len, reverse=True) if text]
        self._sensitive = re.compile("|".join([*patterns, _ACCESS_KEY_ID]))

    def message(self, text: str) -> str:
        """Return *text* without sensitive texts and control characters, of bounded length.

        A long one keeps its beginning and its end, which says why.
        """
        text = self.redact(_printable(self.redact(text)))
        if len(text) <= _LONGEST_MESSAGE:
            return text
        half = (_LONGEST_MESSAGE - len(_OMISSION)) // 2
        return f"{text[:half]}{_OMISSION}{text[-half:]}"

    def redact(self, text: str) -> str:
        """Return *text* without sensitive texts."""
        return self._sensitive.sub(_REDACTED, text)

    def clean(self, error: Exception) -> None:
        """Redact *error* itself, which the client raised for this request: it is printed as the cause of ours."""
        error.args = tuple(self.redact(item) if isinstance(item, str) else item for item in error.args)
        for holder in (getattr(error, "kwargs", None), _error_of(error)):
            if isinstance(holder, dict):
                holder.update({name: self.redact(item) for name, item in holder.items() if isinstance(item, str)})
        if hasattr(error, "request"):  # of botocore's HTTP errors: with its body and its credentials
            error.request = None


def sensitive_texts(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Find the texts of a request to KMS that nobody may read in a log: context values, grant tokens, a plaintext."""
    for name, context in parameters.items():
        if name.endswith("EncryptionContext"):  # ReEncrypt has two
            yield from (value for value in context.values() if isinstance(value, str))
    yield from parameters.get("GrantTokens", ())
    if isinstance(parameters.get("Plaintext"), bytes):
        yield base64.b64encode(parameters["Plaintext"]).decode()


def credentials(client: object, headers: Mapping[str, str]) -> Iterator[str]:
    """Find the credentials of *client*, and those in *headers* as they were sent."""
    for name in _CREDENTIAL_HEADERS:
        value = headers.get(name, "")
        value = value.decode("latin-1") if isinstance(value, bytes) else value
        yield value
        yield from re.findall(r"(?:Credential|Signature)=([^/,\s]+)", value)
    yield from _credentials(client)


def _credentials(client: object) -> Iterator[str]:
    """Find what *client* signs with, without making it refresh anything; not every one has it in this place."""
    credentials = getattr(getattr(client, "_request_signer", None), "_credentials", None)
    for name, value in getattr(credentials, "__dict__", {}).items():
        if name.lstrip("_") in _CREDENTIAL_FIELDS and isinstance(value, str):
            yield value


def _variants(text: str) -> Iterator[str]:
    yield text
    yield _printable(text)
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]


def _pattern(text: str) -> str:
    escaped = re.escape(text)
    return escaped if len(text) >= _SHORTEST_ANYWHERE else rf"(?<!\w){escaped}(?!\w)"


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _error_of(error: Exception) -> object:
    response = getattr(error, "response", None)
    return response.get("Error") if isinstance(response, dict) else None
