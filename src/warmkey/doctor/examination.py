"""Examine everything, in order: what needs no request, then KMS, then the table of branch keys."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from warmkey.doctor.configuration import examine_cache, examine_settings, examine_timeouts
from warmkey.doctor.installation import examine_installation
from warmkey.doctor.permissions import KmsExamination
from warmkey.doctor.plan import announcement, decryption_keys, groups, most_requests
from warmkey.doctor.report import Report
from warmkey.doctor.samples import examine_samples
from warmkey.doctor.signatures import examine_signatures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from warmkey.doctor.subject import Subject

__all__ = ["examine"]


def examine(subject: Subject, *, announce: Callable[[str], object], offline: bool = False) -> Report:
    """Examine *subject*.

    :param announce: told how many requests there will be, before the first
    :param offline: make no request
    """
    report = Report()
    with _guarded(report, "the installation"):
        examine_installation(report)
    settings = None
    with _guarded(report, "the settings"):
        settings = examine_settings(report, subject)
    with _guarded(report, "the samples"):
        examine_samples(report, subject, settings, decryption_keys(settings) if settings is not None else ())
    if settings is None:
        return report
    with _guarded(report, "the library for signatures"):
        examine_signatures(report, settings)
    with _guarded(report, "the cache"):
        examine_cache(report, subject, settings)
    planned = groups(settings, subject)
    report.planned = {"kms": 0, "dynamodb": 0} if offline else most_requests(planned, settings)
    with _guarded(report, "the time-outs"):
        examine_timeouts(report, subject, settings)
    if offline:
        return report
    announce(announcement(report.planned))
    # One attempt for each: what is retried is billed too, and a function may have no time for more.
    clients = subject.clients(replace(settings, kms_max_attempts=1))
    kms = KmsExamination(report, clients)
    with _guarded(report, "permissions"):
        if not planned and settings.kms_mode.discovers:
            report.add("no-key-to-check", "the settings name no key ARN")
        kms.examine(planned)
    if settings.branch_key_store_table is not None and not kms.is_over:
        from warmkey.doctor.key_store import examine_key_store  # noqa: PLC0415 - few have branch keys

        with _guarded(report, "the table of branch keys"):
            examine_key_store(report, subject, settings, kms, clients)
    return report


@contextmanager
def _guarded(report: Report, what: str) -> Iterator[None]:
    """Go on after a check that fails in itself: the others still tell something."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, its text may hold what nobody may see
        report.add("check-failed", f"looking at {what} ended with {type(error).__name__}")
