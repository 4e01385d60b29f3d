"""Look at the settings, and at what follows from them alone: time-outs, processes, and what the cache is good for."""

from __future__ import annotations

from types import MappingProxyType, SimpleNamespace
from typing import TYPE_CHECKING, Any

from warmkey.events import EvictionReason, Operation
from warmkey.keyrings.kms_failures import longest_backoff_seconds, max_attempts
from warmkey.lambda_runtime.settings import processes, read_settings
from warmkey.lambda_runtime.settings_faults import FaultKind, faults

if TYPE_CHECKING:
    from warmkey.doctor.report import Report
    from warmkey.doctor.subject import Subject
    from warmkey.lambda_runtime.settings import Settings

__all__ = ["examine_cache", "examine_settings", "examine_timeouts"]

_CODES = MappingProxyType(
    {
        FaultKind.UNKNOWN: "setting-unknown",
        FaultKind.INVALID: "setting-invalid",
        FaultKind.CONTRADICTORY: "settings-contradict",
    }
)
# Misses without a hit between them, from which on a cache is useless rather than new.
_MANY_MISSES = 50


def examine_settings(report: Report, subject: Subject) -> Settings | None:
    """Return the settings, or report everything that is wrong with them."""
    found = faults(subject.settings)
    for fault in found:
        report.add(_CODES[fault.kind], str(fault.error))
    return None if found else read_settings(subject.settings)


def examine_timeouts(report: Report, subject: Subject, settings: Settings) -> None:
    """Compare the time that a message can take with the function's."""
    needed = _seconds_of_a_message(settings, None if subject.config is None else subject.config(settings))
    if subject.function_timeout is None:
        report.add("function-timeout-unknown", f"encrypting one message can take up to {needed:g} s")
    elif needed >= subject.function_timeout:
        report.add(
            "timeouts-exceed-function",
            f"encrypting one message can take up to {needed:g} s with these time-outs and attempts, and the function "
            f"has {subject.function_timeout:g} s",
        )


def _seconds_of_a_message(settings: Settings, config: Any) -> float:  # noqa: ANN401 - botocore has no types
    """Return the longest time: each request with all its attempts, and the waits between them.

    :param config: botocore's, where it says other than the settings
    """
    attempts = settings.kms_max_attempts
    one = settings.kms_connect_timeout_seconds + settings.kms_read_timeout_seconds
    if config is not None:
        client = SimpleNamespace(meta=SimpleNamespace(config=config))
        attempts, one = max_attempts(client) or attempts, config.connect_timeout + config.read_timeout
    waits = sum(map(longest_backoff_seconds, range(1, attempts)))
    # Each key wraps the data key; a branch key is read from the table and then decrypted.
    requests = max(len(settings.kms_key_arns), 1) if settings.branch_key_store_table is None else 2
    return requests * float(attempts * one + waits)


def examine_cache(report: Report, subject: Subject, settings: Settings) -> None:
    """Report what keeps the cache from saving requests."""
    count = processes()
    if count > 1:
        report.add("several-processes", f"AWS_LAMBDA_MAX_CONCURRENCY is {count}: so many processes per environment")
    if settings.branch_key_store_table is not None:
        from warmkey.lambda_runtime.branch_keys import without_effect  # noqa: PLC0415 - few have branch keys

        for warning in without_effect(settings):
            report.add("setting-without-effect", f"{warning.setting}: {warning.problem}")
    elif not settings.cache or settings.cache_capacity == 0:
        report.add("cache-off", "WARMKEY_CACHE is off" if not settings.cache else "WARMKEY_CACHE_CAPACITY is 0")
    else:
        for name, least in (("max_messages_encrypted", 1), ("max_bytes_encrypted", 0)):
            if getattr(settings, name) == least:
                report.add("cache-reuses-nothing", f"WARMKEY_{name.upper()} is {least}")
    _examine_counts(report, subject)


def _examine_counts(report: Report, subject: Subject) -> None:
    """Report what the helpers of this process have counted."""
    if subject.runtime is None:
        return
    runtime = subject.runtime()
    evictions = runtime.counter.evictions().get(EvictionReason.CAPACITY, 0)
    if evictions:
        capacity = runtime.settings.cache_capacity
        report.add("capacity-evictions", f"{evictions} data keys made room for others; the cache has {capacity} places")
    for operation in Operation:
        counted: Any = runtime.cmm.statistics(operation)
        if counted.calls >= _MANY_MISSES and counted.hits + counted.coalesced == 0:
            report.add("nothing-is-reused", f"{counted.calls} requests to {operation.value}, and none was a hit")
