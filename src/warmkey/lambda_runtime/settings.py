"""The settings of the module-level helpers; the only place where the environment is read.

:class:`Settings` is the table: a row each with its parser, its default and the words for what is allowed. Errors and
``docs/settings.md`` come from it. A variable is the field's name in capitals behind ``WARMKEY_``; ``configure`` takes
the field's name itself, with the text that the variable would have or with the typed value.
"""

from __future__ import annotations

import difflib
import math
import os
import re
from dataclasses import Field, dataclass, field, fields
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from warmkey.algorithm_suites import AlgorithmSuite, CommitmentPolicy
from warmkey.exceptions import ConfigurationError
from warmkey.keyrings.aws_kms_key_arn import check_kms_identifier, parse_kms_arn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = [
    "PREFIX",
    "Init",
    "KmsMode",
    "Metrics",
    "Settings",
    "function_name",
    "is_snap_start",
    "log_level",
    "read_settings",
]

PREFIX = "WARMKEY_"

_Choice = TypeVar("_Choice", bound=Enum)


class Init(StrEnum):
    """When the default client is built."""

    LAZY = "lazy"
    EAGER = "eager"


class KmsMode(StrEnum):
    """Which KMS keys a message may be decrypted with."""

    STRICT = "strict"
    MRK = "mrk"
    DISCOVERY = "discovery"


class Metrics(StrEnum):
    """How much goes to CloudWatch."""

    OFF = "off"
    SUMMARY = "summary"
    DETAILED = "detailed"


# --- parsers: text or a typed value in; ValueError where it is not allowed


def _integer(low: int, high: int | None = None) -> Callable[[object], int]:
    def parse(value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,20}", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value < low or (high is not None and value > high):
            raise ValueError
        return value

    return parse


def _number(value: object) -> float:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{0,15}\.?[0-9]{1,15}", value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError
    return value


def _seconds(value: object) -> float:
    number = _number(value)
    if not 0 < number < math.inf:
        raise ValueError
    return number


def _share(value: object) -> float:
    number = _number(value)
    if not 0 <= number < 1:
        raise ValueError
    return number


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value not in ("on", "off"):
        raise ValueError
    return value == "on"


def _one_of(choices: type[_Choice]) -> Callable[[object], _Choice]:
    def parse(value: object) -> _Choice:
        return choices(value)

    return parse


def _algorithm_suite(value: object) -> AlgorithmSuite:
    if isinstance(value, str):
        if value in AlgorithmSuite.__members__:
            return AlgorithmSuite[value]
        if re.fullmatch(r"(0[xX])?[0-9a-fA-F]{4}", value) is None:
            raise ValueError
        value = int(value, 16)
    return AlgorithmSuite(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    return value


def _items(value: object) -> tuple[str, ...]:
    """The items of a comma-separated text or of a collection, each without spaces around it, none twice."""
    if isinstance(value, str):
        items = value.split(",")
    elif isinstance(value, (list, tuple, set, frozenset)) and all(isinstance(item, str) for item in value):
        items = list(value)
    else:
        raise ValueError  # noqa: TRY004 - every parser answers with ValueError
    items = [item.strip() for item in items]
    if "" in items:
        raise ValueError("an item is empty")
    for item in items:
        if items.count(item) > 1:
            raise ValueError(f"{item!r} is there twice")
    return tuple(items)


def _kms_identifiers(value: object) -> tuple[str, ...]:
    items = _items(value)
    for item in items:
        try:
            check_kms_identifier(item, "an item")
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
    return items


def _key_arns(value: object) -> tuple[str, ...]:
    items = _items(value)
    for item in items:
        arn = parse_kms_arn(item)
        if arn is None or not arn.is_key:
            raise ValueError(f"{item!r} is no key ARN")
    return items


def _accounts(value: object) -> tuple[str, ...]:
    items = _items(value)
    for item in items:
        if re.fullmatch(r"[0-9]{12}", item) is None:
            raise ValueError(f"{item!r} is no account ID")
    return items


# --- the table


def _row(parse: Callable[[object], object], allowed: str, default: object) -> Any:  # noqa: ANN401 - a field's value
    return field(default=default, metadata={"parse": parse, "allowed": allowed})


def _names(choices: Iterable[Enum]) -> str:
    *others, last = [str(choice.value) for choice in choices]
    return f"{', '.join(others)} or {last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting, valid by itself and together with the others.

    :raises ConfigurationError: two of them exclude each other
    """

    kms_key_arns: tuple[str, ...] = _row(
        _kms_identifiers, "one or more KMS key ARNs, separated by commas; the first generates data keys", ()
    )
    decrypt_key_arns: tuple[str, ...] = _row(_key_arns, "KMS key ARNs, separated by commas", ())
    kms_mode: KmsMode = _row(_one_of(KmsMode), _names(KmsMode), KmsMode.STRICT)
    discovery_accounts: tuple[str, ...] = _row(
        _accounts, "AWS account IDs of 12 digits, separated by commas; only with WARMKEY_KMS_MODE=discovery", ()
    )
    kms_connect_timeout_seconds: float = _row(_seconds, "a number of seconds over 0", 1)
    kms_read_timeout_seconds: float = _row(_seconds, "a number of seconds over 0", 1)
    kms_max_attempts: int = _row(_integer(1, 10), "an integer from 1 to 10", 3)
    cache: bool = _row(_switch, "on or off", True)  # noqa: FBT003 - a row of the table
    cache_capacity: int = _row(_integer(0), "an integer of 0 or more", 1000)
    max_age_seconds: float = _row(_seconds, "a number of seconds over 0", 300)
    max_age_jitter: float = _row(_share, "a number from 0 to below 1", 0.1)
    max_messages_encrypted: int = _row(_integer(1, 2**32), f"an integer from 1 to {2**32}", 1000)
    max_bytes_encrypted: int = _row(_integer(0, 2**63 - 1), f"an integer from 0 to {2**63 - 1}", 2**30)
    refresh_ahead: bool = _row(_switch, "on or off", False)  # noqa: FBT003 - a row of the table
    partition_id: str | None = _row(_text, "a text that is not empty", None)
    algorithm_suite: AlgorithmSuite | None = _row(
        _algorithm_suite, "the name or hexadecimal ID of an algorithm suite, such as 0x0478", None
    )
    commitment_policy: CommitmentPolicy = _row(
        _one_of(CommitmentPolicy), _names(CommitmentPolicy), CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    )
    max_encrypted_data_keys: int = _row(_integer(1, 65535), "an integer from 1 to 65535", 5)
    frame_length: int = _row(_integer(1, 2**32 - 1), f"an integer from 1 to {2**32 - 1}", 4096)
    required_context_keys: tuple[str, ...] = _row(_items, "encryption context keys, separated by commas", ())
    init: Init = _row(_one_of(Init), _names(Init), Init.LAZY)
    metrics: Metrics = _row(_one_of(Metrics), _names(Metrics), Metrics.SUMMARY)
    metrics_namespace: str | None = _row(_text, "a text that is not empty", None)
    service_name: str | None = _row(_text, "a text that is not empty", None)

    def __post_init__(self) -> None:
        _check_together(self)


ROWS: Mapping[str, Field[Any]] = {row.name: row for row in fields(Settings)}


def variable(name: str) -> str:
    """The environment variable of the setting *name*."""
    return PREFIX + name.upper()


# --- reading


def read_settings(keywords: Mapping[str, object] | None = None) -> Settings:
    """The settings of the environment, with *keywords* of ``configure`` above them.

    :raises ConfigurationError: names the variable or keyword, its value, what is allowed, and the nearest name if it
        is unknown
    """
    values = parse_keywords(keywords or {})
    unread = {variable(name): name for name in ROWS if name not in values}
    for text in sorted(os.environ):
        if text.startswith(PREFIX) and text not in _VARIABLES:
            raise ConfigurationError(f"{text} is no setting of warmkey{_nearest(text, _VARIABLES)}")
        if text in unread:
            values[unread[text]] = _parse(ROWS[unread[text]], os.environ[text], shown_as=text)
    return Settings(**values)


def parse_keywords(keywords: Mapping[str, object]) -> dict[str, Any]:
    """The typed values of what was given to ``configure``.

    :raises ConfigurationError: see :func:`read_settings`
    """
    for name in keywords:
        if name not in ROWS:
            raise ConfigurationError(f"configure() has no setting {name!r}{_nearest(name, ROWS)}")
    return {name: _parse(ROWS[name], value, shown_as=name) for name, value in keywords.items()}


_VARIABLES = {variable(name): name for name in ROWS}


def _parse(row: Field[Any], value: object, *, shown_as: str) -> object:
    if isinstance(value, str):
        value = value.strip()
    if value == "":
        raise ConfigurationError(
            f"{shown_as} is empty; {row.metadata['allowed']} is allowed. Leave it out to have the default"
        )
    try:
        return row.metadata["parse"](value)
    except (ValueError, TypeError) as error:
        why = f" ({error})" if error.args and not isinstance(value, (Enum, int, float)) else ""
        problem = f"{shown_as} is {value!r}{why}; {row.metadata['allowed']} is allowed"
    raise ConfigurationError(problem)


def _nearest(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(names))}"


def _check_together(settings: Settings) -> None:
    _check_keys(settings)
    policy, suite = settings.commitment_policy, settings.algorithm_suite
    if suite is not None and suite not in policy.encrypt_suites:
        raise ConfigurationError(
            f"WARMKEY_ALGORITHM_SUITE is {suite.name}, which WARMKEY_COMMITMENT_POLICY={policy.name} does not allow; "
            f"allowed: {', '.join(allowed.name for allowed in AlgorithmSuite if allowed in policy.encrypt_suites)}"
        )
    keys, most = len(settings.kms_key_arns), settings.max_encrypted_data_keys
    if keys > most:
        raise ConfigurationError(
            f"WARMKEY_KMS_KEY_ARNS has {keys} keys, so each message gets {keys} encrypted data keys, and "
            f"WARMKEY_MAX_ENCRYPTED_DATA_KEYS allows {most}; raise the limit, here and wherever the messages are read"
        )


def _check_keys(settings: Settings) -> None:
    discovery = settings.kms_mode is KmsMode.DISCOVERY
    if not settings.kms_key_arns and not discovery:
        raise ConfigurationError(
            f"WARMKEY_KMS_KEY_ARNS is missing; {ROWS['kms_key_arns'].metadata['allowed']} is allowed"
        )
    if settings.discovery_accounts and not discovery:
        raise ConfigurationError(
            f"WARMKEY_DISCOVERY_ACCOUNTS is set while WARMKEY_KMS_MODE is {settings.kms_mode.value}, which decrypts "
            "with the configured keys only; remove it, or set WARMKEY_KMS_MODE to discovery"
        )
    for identifier in settings.kms_key_arns:
        arn = parse_kms_arn(identifier)
        if (arn is None or not arn.is_key) and not settings.decrypt_key_arns and not discovery:
            raise ConfigurationError(
                f"WARMKEY_KMS_KEY_ARNS names {identifier!r}, which is no key ARN: messages name the ARN of the key that "
                "encrypted them, so what an alias or a key ID encrypts could not be decrypted. Give the key ARN, or "
                "name the key ARNs behind it in WARMKEY_DECRYPT_KEY_ARNS"
            )


def function_name() -> str | None:
    """The name of the Lambda function that this is, or ``None`` outside of Lambda."""
    return os.environ.get("AWS_LAMBDA_FUNCTION_NAME")


def log_level() -> str | None:
    """The log level that was set for the function: Lambda's, or that of Powertools."""
    return os.environ.get("AWS_LAMBDA_LOG_LEVEL") or os.environ.get("POWERTOOLS_LOG_LEVEL")


def is_snap_start() -> bool:
    """Whether this execution environment starts from a snapshot, or is being made into one."""
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"
