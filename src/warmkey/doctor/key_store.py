"""Look at the table of branch keys. It is only read: permissions to write are never tried, because that would write."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from warmkey.branch_keys.dynamodb_requests import DynamoDbRequests
from warmkey.branch_keys.items import (
    ACTIVE,
    BRANCH_KEY_ID,
    TYPE,
    KeyStoreItem,
    encryption_context,
    read_item,
)
from warmkey.branch_keys.kms_configuration import KmsConfiguration
from warmkey.doctor.diagnosis import code_of, why_denied
from warmkey.doctor.dry_runs import Ask, Outcome
from warmkey.doctor.findings import Level
from warmkey.doctor.report import ALLOWED, DENIED, NOT_CHECKED, UNKNOWN, Permission
from warmkey.doctor.routes import is_unreachable
from warmkey.exceptions import ConfigurationError, KeyUnavailable
from warmkey.keyrings.kms_failures import explain
from warmkey.lambda_runtime.branch_keys import kms_configuration, region_of_table

if TYPE_CHECKING:
    from warmkey.doctor.permissions import KmsExamination
    from warmkey.doctor.report import Report
    from warmkey.doctor.subject import Subject
    from warmkey.exceptions import KeyAttempt
    from warmkey.lambda_runtime.settings import Settings

__all__ = ["examine_key_store"]

OF_A_BRANCH_KEY = "a branch key's"
# No branch key is called so: IDs are texts of users, and this one says what it is for.
_NO_BRANCH_KEY = "warmkey-doctor:no-such-branch-key"
# What is told apart by DynamoDB alone; of the rest it says the same as KMS.
_CODES = MappingProxyType(
    {
        ("DescribeTable", "ResourceNotFoundException"): "table-not-found",
        ("DescribeTable", "ValidationException"): "table-not-found",  # a name that no table can have
        ("GetItem", "ResourceNotFoundException"): "table-not-found",
        ("GetItem", "ValidationException"): "table-not-a-key-store",
        ("GetItem", "AccessDeniedException"): "table-denied",
    }
)


def examine_key_store(report: Report, subject: Subject, settings: Settings, kms: KmsExamination, clients: Any) -> None:  # noqa: ANN401
    """Report on the table, the branch key in it, and whether KMS would decrypt that.

    :param kms: asks KMS
    :param clients: gives a client of ``dynamodb`` for a Region
    """
    name, region = str(settings.branch_key_store_table), region_of_table(settings, subject.home_region())
    report.add("table-writes-not-checked", f"whether the role may write to the table {name} is not tried")
    _note(report, "PutItem", name, NOT_CHECKED)
    try:
        requests = DynamoDbRequests(clients("dynamodb", region))
    except ConfigurationError as error:
        report.add("boto3-unusable", str(error))
        return
    if not _describe(report, requests, name):
        return
    branch_key_id = settings.branch_key_id or subject.context.get(settings.branch_key_context_key or "", "")
    if not branch_key_id:
        report.add("branch-key-not-named", f"the settings choose it by {settings.branch_key_context_key!r}")
    found = _get(report, requests, name, branch_key_id)
    item = _readable(report, found, branch_key_id) if found else None
    what = _ask_of_item(report, settings, region, item) if item else _ask_without_item(settings, branch_key_id)
    if what is not None:
        _decrypt(report, kms, region, what, level=None if branch_key_id else Level.WARNING)


def _describe(report: Report, requests: DynamoDbRequests, name: str) -> bool:
    """Look at the schema where that is allowed; return whether a read of the table makes sense."""
    report.made["dynamodb"] += 1
    try:
        table = requests("DescribeTable", about=f"table {name!r}", TableName=name).get("Table", {})
    except KeyUnavailable as error:
        attempt = error.attempts[0]
        if attempt.error_code == "AccessDeniedException":
            report.add("table-not-described", f"DescribeTable is not allowed on {name}")
            return True
        _report_failure(report, name, attempt)
        return False
    keys = [part.get("AttributeName") for part in table.get("KeySchema", ())]
    if keys and keys != [BRANCH_KEY_ID, TYPE]:
        report.add("table-not-a-key-store", f"the table {name} has the key {' and '.join(map(str, keys))}")
        return False
    return True


def _get(report: Report, requests: DynamoDbRequests, name: str, branch_key_id: str) -> dict[str, Any] | None:
    """Return the item of the active version, if it is there; where no branch key is named, ask for one that is not."""
    report.made["dynamodb"] += 1
    key = {BRANCH_KEY_ID: {"S": branch_key_id or _NO_BRANCH_KEY}, TYPE: {"S": ACTIVE}}
    try:
        answer = requests("GetItem", about=f"table {name!r}", TableName=name, Key=key, ConsistentRead=True)
    except KeyUnavailable as error:
        attempt = error.attempts[0]
        _note(report, "GetItem", name, DENIED if attempt.error_code == "AccessDeniedException" else UNKNOWN)
        # A policy may allow some branch keys only, and this one is not among them.
        _report_failure(report, name, attempt, denied=None if branch_key_id else Level.WARNING)
        return None
    _note(report, "GetItem", name, ALLOWED)
    item: dict[str, Any] | None = answer.get("Item")
    if item is None and branch_key_id:
        report.add("branch-key-missing", f"the table {name} has no active version of the branch key that is named")
    return item


def _report_failure(report: Report, name: str, attempt: KeyAttempt, denied: Level | None = None) -> None:
    code = _CODES.get((attempt.operation, attempt.error_code), "")
    cause = attempt.cause
    if not code and isinstance(cause, Exception):
        failure = explain(cause)
        code = "table-unreachable" if is_unreachable(failure) else code_of(failure, str(cause))
    level = denied if code == "table-denied" else None
    report.add(code or "unexpected-answer", f"{attempt.operation} on the table {name}: {attempt.reason}", level=level)


def _readable(report: Report, item: dict[str, Any], branch_key_id: str) -> KeyStoreItem | None:
    try:
        return read_item(item, branch_key_id, ACTIVE)
    except ValueError:
        # The error names attributes and IDs, which may be values of a context.
        report.add("branch-key-unusable", "the item is not as the record format of branch keys wants it")
        return None


def _ask_of_item(report: Report, settings: Settings, region: str | None, item: KeyStoreItem) -> Ask | None:
    """Return how to ask whether KMS would decrypt the branch key of *item*, or ``None`` if it must not be."""
    configuration = KmsConfiguration(**kms_configuration(settings, region))
    if configuration.refusal(item.kms_arn) is not None:
        report.add("branch-key-under-another-key", f"the branch key is protected by {item.kms_arn}")
        return None
    return Ask(
        operation="Decrypt",
        key=configuration.key_to_ask(item.kms_arn),
        about=OF_A_BRANCH_KEY,
        context=encryption_context(item.texts, settings.key_store_name),
        ciphertext=item.enc,
    )


def _ask_without_item(settings: Settings, branch_key_id: str) -> Ask | None:
    """Return how to ask for the permission to decrypt a branch key of this key store, where none could be read."""
    if not settings.kms_key_arns:
        return None
    key = settings.kms_key_arns[0]
    texts = {BRANCH_KEY_ID: branch_key_id or _NO_BRANCH_KEY, TYPE: ACTIVE, "kms-arn": key, "hierarchy-version": "1"}
    context = encryption_context(texts, settings.key_store_name)
    return Ask(operation="Decrypt", key=key, about=OF_A_BRANCH_KEY, context=context)


def _decrypt(report: Report, kms: KmsExamination, region: str | None, what: Ask, *, level: Level | None) -> None:
    """Ask KMS, and say of a ciphertext that it refuses that it is a branch key's, and not a message's.

    :param level: of a denial, where it may be of the made-up branch key alone
    """
    before = len(report.findings)
    answer = kms.ask(kms.client(region), what, region)
    if answer is not None and answer.outcome is Outcome.DENIED:
        code, found = why_denied(answer, what)
        report.add(code, found, level=level)
    for each in report.findings[before:]:
        if each.code == "sample-not-decryptable":
            report.findings.remove(each)
            report.add("branch-key-unusable", f"KMS refuses the branch key of the table: {each.found}")


def _note(report: Report, operation: str, name: str, answer: str) -> None:
    report.permissions.append(
        Permission(action=f"dynamodb:{operation}", on=f"table {name}", context="none", answer=answer)
    )
