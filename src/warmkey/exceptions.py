"""What can go wrong, one class per remedy.

Every error that warmkey raises on purpose is a :class:`WarmkeyError`; the base itself is never raised. The branches
say whose move it is: fix the settings, fix the call, distrust the bytes, ask whoever owns the policy, or look at KMS.
No message, attribute or ``repr`` here ever holds a key, a plaintext or the value of an encryption context.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.events import DynamoDbOutcome, KmsOutcome

__all__ = [
    "AuthenticationFailed",
    "ConfigurationError",
    "InvalidRequest",
    "KeyAttempt",
    "KeyUnavailable",
    "MalformedMessage",
    "PolicyRefused",
    "TokenExpired",
    "WarmkeyError",
]


class WarmkeyError(Exception):
    """Is the base of every error that warmkey raises; catch it to catch them all. Never raised itself."""

    def for_another_caller(self) -> Self:
        """Return the same failure as an exception of its own, for a thread that waited for another thread's call."""
        # No constructor runs: that of a subclass may take other arguments than those that Python remembers.
        twin = type(self).__new__(type(self), *self.args)
        twin.__dict__.update(self.__dict__)
        twin.__cause__ = self.__cause__
        return twin


class ConfigurationError(WarmkeyError, ValueError):
    """A setting or constructor argument can't be used. Remedy: fix what the message names, then start again."""


class InvalidRequest(WarmkeyError, ValueError, TypeError):
    """The arguments of this one call can't be used (a wrong type, a reserved key). Remedy: fix the call."""


@safe_repr
class MalformedMessage(WarmkeyError, ValueError):
    """The bytes are not an AWS Encryption SDK message. Remedy: find out what was stored or sent instead.

    :ivar where: the path to the field, for example ``encrypted data key 1 › ciphertext``
    :ivar offset: the position of that field in the message, in bytes; 0, and not in the text, where it is unknown
    :ivar truncated: whether the message ends before this field does
    """

    def __init__(
        self, problem: str, *, where: str = "message", offset: int | None = None, truncated: bool = False
    ) -> None:
        super().__init__(problem, where, offset)
        self.problem = problem
        self.where = where
        self.offset = offset or 0
        self.truncated = truncated
        self._told_offset = offset

    def __str__(self) -> str:
        at = "" if self._told_offset is None else f" at byte {self.offset}"
        return f"{self.where}{at}: {self.problem}"

    def inside(self, place: str) -> Self:
        """Return the same failure, with *place* before the path."""
        where = f"{place} › {self.where}"
        return type(self)(self.problem, where=where, offset=self._told_offset, truncated=self.truncated)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild_malformed, (type(self), self.problem, self.where, self._told_offset, self.truncated)


def _rebuild_malformed(
    kind: type[MalformedMessage], problem: str, where: str, offset: int | None, truncated: object
) -> MalformedMessage:
    return kind(problem, where=where, offset=offset, truncated=bool(truncated))


class AuthenticationFailed(WarmkeyError):
    """A tag, signature or key commitment did not verify. Remedy: treat the message as tampered with."""


class PolicyRefused(WarmkeyError):
    """The message or request is well formed, and a rule of yours forbids it.

    The rules: commitment policy, maximum number of encrypted data keys, encryption context, required context keys,
    unsigned-only decryption.
    """


class TokenExpired(PolicyRefused):
    """The token was genuine, and its time is over. Remedy: have a new one made."""


# In the text of an error, of the many that a message can bring about; all are in ``attempts``.
_ATTEMPTS_TOLD = 10


@safe_repr
class KeyAttempt:
    """One encrypted data key (or wrapping key) that was tried, and why it did not work.

    :ivar keyring: what tried, for example ``AwsKmsKeyring``
    :ivar operation: ``GenerateDataKey``, ``Encrypt``, ``Decrypt``, ... or ``unwrap`` for a raw key
    :ivar key: key ARN or key name; never key material
    :ivar region: the Region that was asked, where the client says
    :ivar outcome: what KMS answered, as :class:`warmkey.events.KmsOutcome`, or DynamoDB, as
        :class:`warmkey.events.DynamoDbOutcome`; ``None`` where neither is involved
    :ivar error_code: the service's own name for its answer, for example ``AccessDeniedException``, or an empty string
    :ivar request_id: of the service's answer, for AWS Support and CloudTrail, or an empty string
    :ivar reason: one sentence
    :ivar remedy: what to do about it, or an empty string
    :ivar cause: the exception that the key service's client raised, if any
    :ivar remembered: whether this is an answer of a moment ago, for which nothing was asked again
    """

    __slots__ = (
        "cause",
        "error_code",
        "key",
        "keyring",
        "operation",
        "outcome",
        "reason",
        "region",
        "remedy",
        "remembered",
        "request_id",
    )

    def __init__(  # noqa: PLR0913 - what is known of it, all by keyword
        self,
        *,
        keyring: str,
        operation: str,
        key: str,
        reason: str,
        region: str | None = None,
        outcome: KmsOutcome | DynamoDbOutcome | None = None,
        error_code: str = "",
        request_id: str = "",
        remedy: str = "",
        cause: BaseException | None = None,
        remembered: bool = False,
    ) -> None:
        self.region = region
        self.error_code = error_code
        self.request_id = request_id
        self.keyring = keyring
        self.operation = operation
        self.key = key
        self.reason = reason
        self.outcome = outcome
        self.remedy = remedy
        self.cause = cause
        self.remembered = remembered

    def __replace__(self, **changes: Any) -> KeyAttempt:  # noqa: ANN401 - what the constructor takes
        """Return the same attempt with other facts, as ``copy.replace`` of Python 3.13 does."""
        return KeyAttempt(**{name: getattr(self, name) for name in KeyAttempt.__slots__} | changes)

    def __repr__(self) -> str:
        return f"KeyAttempt({self})"

    def __str__(self) -> str:
        request_id = f"request ID {self.request_id}" if self.request_id else ""
        remembered = "a remembered answer" if self.remembered else ""
        details = "; ".join(filter(None, (self.remedy, request_id, remembered)))
        told = f"{self.keyring} {self.operation} {self.key}: {self.reason}"
        return f"{told} ({details})" if details else told


@safe_repr
class KeyUnavailable(WarmkeyError):
    """No keyring could generate, wrap or unwrap the data key. Remedy: see each attempt.

    :ivar attempts: one :class:`KeyAttempt` per key that was tried; empty when none of the message's encrypted data
        keys belongs to the configured keyring, and when it waited too long
    :ivar remembered: whether all of them are answers of a moment ago, for which nothing was asked again
    :ivar timed_out: whether it waited too long for another thread's request
    """

    remembered = False
    timed_out = False

    def __init__(self, problem: str, attempts: Sequence[KeyAttempt] = (), *, timed_out: bool = False) -> None:
        super().__init__(problem)
        self.attempts = tuple(attempts)
        if self.attempts and all(attempt.remembered for attempt in self.attempts):
            self.remembered = True
        if timed_out:
            self.timed_out = True
        # The first cause stands for all, for whoever reads tracebacks and not attempts.
        for attempt in self.attempts:
            if attempt.cause is not None:
                self.__cause__ = attempt.cause
                break

    def __str__(self) -> str:
        told = [super().__str__(), *map(str, self.attempts[:_ATTEMPTS_TOLD])]
        if len(self.attempts) > _ATTEMPTS_TOLD:
            told.append(f"and {len(self.attempts) - _ATTEMPTS_TOLD} more attempts")
        return "; ".join(told)
