"""Read the settings of the module-level helpers; no other module reads their variables.

:class:`Settings` is the table: each row has its parser, the words for what is allowed, and its default. Errors and
``docs/settings.md`` are made from it. A variable is the field's name in capitals after ``WARMKEY_``; ``configure``
takes the field's name itself, with the text that the variable would have or with the typed value.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import Field, field, fields
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any

from warmkey.algorithm_suites import AlgorithmSuite, CommitmentPolicy
from warmkey.choices import Choice
from warmkey.crypto.signature_library import SignatureChoice
from warmkey.exceptions import ConfigurationError
from warmkey.keyrings.aws_kms_key_arn import parse_kms_arn
from warmkey.lambda_runtime import parsers
from warmkey.observability.metrics import MetricsMode, MetricsSink
from warmkey.records import Record
from warmkey.validation import kind_of, plausible, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from warmkey.client_apis.encrypt import FrameLength

__all__ = [
    "PREFIX",
    "Init",
    "KmsMode",
    "Settings",
    "check_keywords",
    "function_name",
    "home_region",
    "is_command_line",
    "is_invoked",
    "is_snap_start",
    "one_setting",
    "processes",
    "read_settings",
    "read_variable",
    "variables",
]

PREFIX = "WARMKEY_"

# Shares of letters that two names have in common: below the first nothing is suggested; names whose shares differ by
# less than the second are suggested together.
_LIKE_ENOUGH = 0.6
_AS_GOOD_AS = 0.05
# Letters of a beginning that says which setting is meant.
_PREFIX_ENOUGH = 5
# The share from which a value is a misspelt word of those that are allowed.
_SLIP = 0.75


class Init(Choice, StrEnum):
    """Say when the default client is built."""

    LAZY = "lazy"
    EAGER = "eager"


class KmsMode(Choice, StrEnum):
    """Say which KMS keys a message may be decrypted with."""

    STRICT = "strict"
    MRK = "mrk"
    DISCOVERY = "discovery"
    MRK_DISCOVERY = "mrk-discovery"

    @property
    def discovers(self) -> bool:
        """Return whether a message may name any key that the function may use, and not only a configured one."""
        return self in (KmsMode.DISCOVERY, KmsMode.MRK_DISCOVERY)


# --- the table


def _row(parse: Callable[[object], object], allowed: str) -> dict[str, Any]:
    return {"parse": parse, "allowed": allowed}


def _any_of(choices: type[Enum]) -> dict[str, Any]:
    *others, last = [str(choice.value) for choice in choices]
    return _row(parsers.one_of(choices), f"{', '.join(others)} or {last}")


def _whole(low: int, high: int) -> dict[str, Any]:
    return _row(parsers.integer(low, high), f"an integer in digits, {low} to {high}")


_SECONDS = _row(
    parsers.seconds, f"a number of seconds in digits, such as 300 or 0.5, greater than 0, to {parsers.MOST_SECONDS}"
)
_SWITCH = _row(parsers.switch, "on or off")
_TEXT = _row(parsers.text, "text that is not empty")


class Settings(Record):
    """Hold every setting, valid by itself and together with the others.

    :ivar given: the names of those that somebody set; the others are defaults
    :raises ConfigurationError: two of them exclude each other
    """

    kms_key_arns: tuple[str, ...] = field(
        default=(),
        metadata=_row(
            parsers.kms_identifiers,
            "one or more KMS key ARNs (comma-separated; the first generates data keys)",
        ),
    )
    decrypt_key_arns: tuple[str, ...] = field(
        default=(), metadata=_row(parsers.key_arns, "one or more KMS key ARNs (comma-separated)")
    )
    kms_mode: KmsMode = field(default=KmsMode.STRICT, metadata=_any_of(KmsMode))
    discovery_accounts: tuple[str, ...] = field(
        default=(), metadata=_row(parsers.accounts, "one or more account IDs of 12 digits (comma-separated)")
    )
    branch_key_store_table: str | None = field(
        default=None,
        metadata=_row(parsers.table_name, "the name of a DynamoDB table: 3 to 255 of A-Z a-z 0-9 _ . -"),
    )
    logical_key_store_name: str | None = field(default=None, metadata=_TEXT)
    branch_key_id: str | None = field(
        default=None, metadata=_row(parsers.branch_key_id, "text of 1 to 2,048 bytes in UTF-8")
    )
    branch_key_context_key: str | None = field(
        default=None, metadata=_row(parsers.context_key, "an encryption context key")
    )
    branch_key_ttl_seconds: float = field(default=3600, metadata=_SECONDS)
    branch_key_encrypt: bool = field(default=True, metadata=_SWITCH)
    kms_connect_timeout_seconds: float = field(default=1, metadata=_SECONDS)
    kms_read_timeout_seconds: float = field(default=1, metadata=_SECONDS)
    kms_max_attempts: int = field(default=3, metadata=_whole(1, 10))
    kms_max_pool_connections: int = field(default=10, metadata=_whole(1, 1000))
    cache: bool = field(default=True, metadata=_SWITCH)
    cache_capacity: int = field(default=1000, metadata=_whole(0, 10**9))
    max_age_seconds: float = field(default=300, metadata=_SECONDS)
    max_age_jitter: float = field(
        default=0.1, metadata=_row(parsers.fraction, "a number in digits, such as 0.1, from 0 to less than 1")
    )
    max_messages_encrypted: int = field(default=1000, metadata=_whole(1, 2**32))
    max_bytes_encrypted: int = field(default=2**30, metadata=_whole(0, 2**63 - 1))
    refresh_ahead: bool = field(default=False, metadata=_SWITCH)
    remember_failures_seconds: float = field(
        default=1, metadata=_row(parsers.up_to_a_second, "a number of seconds in digits, such as 0.5, from 0 to 1")
    )
    partition_id: str | None = field(default=None, metadata=_TEXT)
    algorithm_suite: AlgorithmSuite | None = field(
        default=None, metadata=_row(parsers.algorithm_suite, "the name or ID of an algorithm suite, such as 0x0478")
    )
    commitment_policy: CommitmentPolicy = field(
        default=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT, metadata=_any_of(CommitmentPolicy)
    )
    max_encrypted_data_keys: int = field(default=5, metadata=_whole(1, 65535))
    frame_length: FrameLength = field(
        default=4096,
        metadata=_row(parsers.integer_or_auto(1, 2**32 - 1), "an integer in digits, 1 to 4294967295, or auto"),
    )
    signatures: SignatureChoice = field(default=SignatureChoice.AUTO, metadata=_any_of(SignatureChoice))
    required_context_keys: tuple[str, ...] = field(
        default=(),
        metadata=_row(parsers.context_keys, "one or more encryption context keys (comma-separated)"),
    )
    tenant_context_key: str | None = field(
        default=None, metadata=_row(parsers.context_key, "an encryption context key")
    )
    init: Init = field(default=Init.LAZY, metadata=_any_of(Init))
    metrics: MetricsMode = field(default=MetricsMode.SUMMARY, metadata=_any_of(MetricsMode))
    metrics_sink: MetricsSink = field(default=MetricsSink.EMF, metadata=_any_of(MetricsSink))
    metrics_namespace: str | None = field(default=None, metadata=_TEXT)
    service_name: str | None = field(default=None, metadata=_TEXT)
    given: frozenset[str] = field(default=frozenset(), repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_branch_keys(self)
        _check_keys(self)
        _check_identifiers(self)
        _check_suite(self)

    @property
    def suite(self) -> AlgorithmSuite:
        """The suite that messages are encrypted with."""
        return self.algorithm_suite or self.commitment_policy.default_suite

    @property
    def key_store_name(self) -> str:
        """The logical name of the key store, where there is one."""
        return self.logical_key_store_name or str(self.branch_key_store_table)


ROWS: Mapping[str, Field[Any]] = {row.name: row for row in fields(Settings) if row.metadata}
VARIABLES: Mapping[str, Field[Any]] = {PREFIX + name.upper(): row for name, row in ROWS.items()}


_BRANCH_KEY_ROWS = tuple(
    name for name in ROWS if name.startswith(("branch_key_", "logical_")) and not name.endswith("_table")
)


def _check_branch_keys(settings: Settings) -> None:
    if settings.branch_key_store_table is None:
        for name in _BRANCH_KEY_ROWS:
            if getattr(settings, name) != ROWS[name].default:
                variable = PREFIX + name.upper()
                raise ConfigurationError(f"{variable} is set without WARMKEY_BRANCH_KEY_STORE_TABLE; set that too")
        if settings.kms_mode is KmsMode.MRK_DISCOVERY:
            raise ConfigurationError(
                "WARMKEY_KMS_MODE is mrk-discovery, which is for branch keys; set WARMKEY_BRANCH_KEY_STORE_TABLE, or "
                "use discovery"
            )
        return
    if (settings.branch_key_id is None) == (settings.branch_key_context_key is None):
        raise ConfigurationError(
            "WARMKEY_BRANCH_KEY_STORE_TABLE needs either WARMKEY_BRANCH_KEY_ID or WARMKEY_BRANCH_KEY_CONTEXT_KEY, the "
            "encryption context key that names the branch key of a message"
        )
    keys = settings.kms_key_arns
    if not settings.kms_mode.discovers and len(keys) != 1:
        raise ConfigurationError(
            f"WARMKEY_KMS_KEY_ARNS must name one key, the one that protects the branch keys of "
            f"WARMKEY_BRANCH_KEY_STORE_TABLE under WARMKEY_KMS_MODE={settings.kms_mode.value}, not {len(keys)}; "
            "put further keys of older messages into WARMKEY_DECRYPT_KEY_ARNS"
        )


def _check_keys(settings: Settings) -> None:
    if not settings.kms_key_arns and not settings.kms_mode.discovers:
        raise ConfigurationError(
            f"WARMKEY_KMS_KEY_ARNS is missing; set it to {ROWS['kms_key_arns'].metadata['allowed']}"
        )
    if settings.discovery_accounts and not settings.kms_mode.discovers:
        raise ConfigurationError(
            f"WARMKEY_DISCOVERY_ACCOUNTS is set while WARMKEY_KMS_MODE is {settings.kms_mode.value}, which decrypts "
            "with the configured keys only; remove it, or set WARMKEY_KMS_MODE to discovery"
        )
    keys, most = len(settings.kms_key_arns), settings.max_encrypted_data_keys
    if keys > most:
        raise ConfigurationError(
            f"WARMKEY_KMS_KEY_ARNS has {keys} keys, so each message gets {keys} encrypted data keys, and "
            f"WARMKEY_MAX_ENCRYPTED_DATA_KEYS allows {most}; raise it, here and wherever the messages are read"
        )


def _check_identifiers(settings: Settings) -> None:
    if settings.kms_mode.discovers:
        return
    if settings.decrypt_key_arns and settings.branch_key_store_table is None:
        return
    for identifier in settings.kms_key_arns:
        arn = parse_kms_arn(identifier)
        if arn is None or not arn.is_key:
            raise ConfigurationError(
                f"WARMKEY_KMS_KEY_ARNS names {plausible(identifier)}, which is not a key ARN: a message names the ARN "
                "of the key that encrypted it, so what an alias or a key ID encrypts could not be decrypted. Use the "
                "key ARN, or name the key ARNs behind it in WARMKEY_DECRYPT_KEY_ARNS"
            )


def _check_suite(settings: Settings) -> None:
    policy, suite = settings.commitment_policy, settings.algorithm_suite
    if suite is not None and suite not in policy.encrypt_suites:
        raise ConfigurationError(
            f"WARMKEY_ALGORITHM_SUITE is {suite.name}, which WARMKEY_COMMITMENT_POLICY={policy.name} does not allow; "
            f"allowed: {', '.join(allowed.name for allowed in AlgorithmSuite if allowed in policy.encrypt_suites)}"
        )


# --- reading


def read_settings(keywords: Mapping[str, object]) -> Settings:
    """Read the settings from the environment, overridden by *keywords* of ``configure``.

    :raises ConfigurationError: names the variable or keyword, its value, what is allowed, and the nearest name if it
        is unknown
    """
    values = check_keywords(keywords)
    for name, text in variables():
        read_variable(name, text, values)
    return Settings(**values, given=frozenset(values))


def variables() -> list[tuple[str, str]]:
    """Return the variables that are meant for us: a name with another prefix is not, unless only its case is wrong."""
    return [item for item in sorted(os.environ.items()) if item[0].startswith(PREFIX) or item[0].upper() in VARIABLES]


def read_variable(name: str, text: str, values: dict[str, Any]) -> None:
    """Add to *values* what a variable says, unless a keyword has said it.

    :raises ConfigurationError: see :func:`read_settings`
    """
    if name not in VARIABLES:
        raise _unknown_variable(name)
    row = VARIABLES[name]
    if row.name not in values:
        values[row.name] = _parse(row, text, shown_as=name)


def check_keywords(keywords: Mapping[str, object]) -> dict[str, Any]:
    """Return the typed values of what was given to ``configure``.

    :raises ConfigurationError: see :func:`read_settings`
    """
    for name in keywords:
        if name not in ROWS:
            raise _unknown_keyword(name)
    return {name: _parse(ROWS[name], value, shown_as=name) for name, value in keywords.items()}


def _parse(row: Field[Any], value: object, *, shown_as: str) -> object:
    allowed = row.metadata["allowed"]
    if isinstance(value, str):
        value = value.strip()
    if value == "":
        instead = "" if row.name == "kms_key_arns" else ". Leave it out to use the default"
        raise ConfigurationError(f"{shown_as} must be {allowed}, not empty{instead}")
    try:
        return row.metadata["parse"](value)
    except parsers.NotAllowedError as error:
        # The reason shows the item that it is about, so the value is not shown again.
        problem = f"{shown_as} must be {allowed}{f'; {error}' if error.args else f', not {_shown(value, allowed)}'}"
    raise ConfigurationError(problem)


def _shown(value: object, allowed: str) -> str:
    """Show a number, a word that is allowed or near it, and what names a key; of anything else its type and length."""
    import difflib  # noqa: PLC0415 - for failures only

    given = value.value if isinstance(value, Enum) else value
    word, words = str(given).lower(), re.findall(r"[\w-]+", allowed.lower())
    is_a_slip = difflib.get_close_matches(word, words, n=1, cutoff=_SLIP)
    return plausible(given, [*words, word] if is_a_slip else words)


def _nearest(name: str) -> list[str]:
    """Return the known name most like *name*, whatever its case and prefix, or several that are as alike, or none."""
    import difflib  # noqa: PLC0415 - for failures only

    meant = _letters(name)
    alike = {known: difflib.SequenceMatcher(None, meant, _letters(known)).ratio() for known in sorted(ROWS)}
    alike |= {known: 1.0 for known in alike if len(meant) >= _PREFIX_ENOUGH and _letters(known).startswith(meant)}
    enough = max(_LIKE_ENOUGH, max(alike.values()) - _AS_GOOD_AS)
    return [known for known in alike if alike[known] >= enough]


def _letters(name: str) -> str:
    return name.lower().removeprefix(PREFIX.lower()).replace("_", "")


def _unknown_variable(name: str) -> ConfigurationError:
    near = " or ".join(PREFIX + known.upper() for known in _nearest(name[len(PREFIX) :]))
    instead = f"did you mean {near}?" if near else f"the settings are {', '.join(sorted(VARIABLES))}"
    return ConfigurationError(f"{quoted(name)[1:-1]} is not a setting of warmkey; {instead}")


def _unknown_keyword(name: str) -> ConfigurationError:
    """Show *name* only where it is like a setting's: it may have been meant as a value."""
    if near := _nearest(name):
        return ConfigurationError(f"configure() has no setting {name!r}; did you mean {' or '.join(near)}?")
    known = ", ".join(sorted(ROWS))
    return ConfigurationError(
        f"configure() has no setting of the given name, {kind_of(name)}; the settings are {known}"
    )


# --- what Lambda says in its own variables


def one_setting(name: str, keywords: Mapping[str, object]) -> object:
    """Return one setting of *keywords* or the environment, which counts before the others are read.

    :raises ConfigurationError: it can't be used
    """
    row, variable = ROWS[name], PREFIX + name.upper()
    given = keywords.get(name, os.environ.get(variable))
    return row.default if given is None else _parse(row, given, shown_as=variable)


def is_command_line() -> bool:
    """Return whether this process is the command ``warmkey``, which never uses the default client."""
    program, *_ = getattr(sys, "argv", None) or [""]
    if program == "-m":  # so it is while Python looks for the module that it was told to run
        return ("-m", "warmkey") in zip(sys.orig_argv, sys.orig_argv[1:], strict=False)
    return os.path.basename(program) in {"warmkey", "warmkey.exe"}  # noqa: PTH119 - pathlib is not loaded yet


def function_name() -> str | None:
    """Return the name of this Lambda function, or ``None`` outside Lambda."""
    return os.environ.get("AWS_LAMBDA_FUNCTION_NAME")


def home_region() -> str | None:
    """Return the Region that this runs in, where the environment says so."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")


def processes() -> int:
    """Return how many processes an execution environment has, each with a cache of its own; 1 if nothing says more."""
    text = os.environ.get("AWS_LAMBDA_MAX_CONCURRENCY", "")
    return int(text) if re.fullmatch(r"0*[1-9][0-9]{0,5}", text) else 1


def is_snap_start() -> bool:
    """Return whether this execution environment was restored from a snapshot, or is being made into one."""
    return os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start"


def is_invoked() -> bool:
    """Return whether there has been an invocation: Lambda's runtime sets its trace ID, and nothing sets one earlier."""
    return "_X_AMZN_TRACE_ID" in os.environ
