"""Examine the function that this runs in, with the clients and settings that its helpers have."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from warmkey.doctor.examination import examine
from warmkey.doctor.findings import Level
from warmkey.doctor.subject import Only, Subject
from warmkey.exceptions import InvalidRequest
from warmkey.lambda_runtime.default_client import DEFAULT
from warmkey.lambda_runtime.wiring import Clients, botocore_config
from warmkey.observability.logs import Log
from warmkey.structures import EncryptionContext
from warmkey.validation import quoted, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from warmkey.doctor.findings import Finding
    from warmkey.lambda_runtime.settings import Settings
    from warmkey.lambda_runtime.wiring import Overrides

__all__ = ["check"]

_LEVELS = {Level.NOTE: logging.INFO, Level.WARNING: logging.WARNING, Level.FAILURE: logging.WARNING}


def check(
    encryption_context: Mapping[str, str] | None, *, detail: bool, function_timeout: float | None, only: Only | None
) -> dict[str, Any]:
    """Return codes and counts, and with *detail* everything; see :func:`warmkey.self_check`.

    :raises InvalidRequest: an argument can't be used
    """
    context = EncryptionContext.of(encryption_context)
    if context.reserved_key is not None:
        raise InvalidRequest(f"the encryption context key {quoted(context.reserved_key)} is reserved; leave it out")
    _check_arguments(detail, function_timeout, only)
    overrides = DEFAULT.overrides()

    def clients(settings: Settings) -> Callable[[str, str | None], Any]:
        made = Clients(settings, overrides)
        return lambda service, region: made(region) if service == "kms" else made.dynamodb(region)

    subject = Subject(
        settings=overrides.settings,
        clients=clients,
        context=context,
        function_timeout=function_timeout,
        only=only,
        config=_config(overrides),
        runtime=DEFAULT.get,
    )
    log = Log(service=None, level=None)
    report = examine(subject, announce=partial(_announce, log))
    for found in report.findings:
        log.write(_LEVELS[found.level], "self-check finding", _fields(found))
    return report.as_dict() if detail else report.summary()


def _config(overrides: Overrides) -> Callable[[Settings], Any] | None:
    """Return what gives botocore's configuration, where the settings alone don't say it."""
    client = overrides.kms_client
    if client is not None:
        # That of a stand-in says nothing of a network.
        return (lambda _settings: client.meta.config) if type(client).__module__.startswith("botocore") else None
    if overrides.botocore_config is None:
        return None
    return lambda settings: botocore_config(settings, overrides.botocore_config)


def _announce(log: Log, text: str) -> None:
    log.write(logging.INFO, "self-check", {"event": "SelfCheckStarted", "plan": text})


def _check_arguments(detail: object, function_timeout: object, only: object) -> None:
    if not isinstance(detail, bool):
        raise InvalidRequest(f"detail must be True or False, not {shown(detail)}")
    if only not in (None, "encrypt", "decrypt"):
        raise InvalidRequest(f"only must be 'encrypt', 'decrypt' or None, not {shown(only)}")
    is_number = isinstance(function_timeout, (int, float)) and not isinstance(function_timeout, bool)
    if function_timeout is not None and not (is_number and function_timeout > 0):  # type: ignore[operator]
        raise InvalidRequest(
            f"function_timeout must be a number of seconds greater than 0, or None, not {shown(function_timeout)}"
        )


def _fields(found: Finding) -> dict[str, str]:
    """Return what the log line says; the log is the account's own, so ARNs may be in it."""
    return {"event": "SelfCheckFinding", **found.as_dict()}
