"""Ask KMS for each permission that the settings need, and judge what it answers with one context and another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from warmkey.doctor.diagnosis import CONCERNS_ALL, CONCERNS_ENDPOINT, CONCERNS_KEY, OF_THE_KEY, diagnose, why_denied
from warmkey.doctor.dry_runs import Answer, Ask, Outcome, ask, can_ignore_ciphertext
from warmkey.doctor.plan import GIVEN, without_signing
from warmkey.doctor.report import ALLOWED, DENIED, UNKNOWN, Permission, presentable
from warmkey.exceptions import ConfigurationError
from warmkey.structures import PUBLIC_KEY_FIELD

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from warmkey.doctor.plan import Group
    from warmkey.doctor.report import Report

    Clients = Callable[[str, str | None], Any]

__all__ = ["KmsExamination"]

_WORDS = {Outcome.ALLOWED: ALLOWED, Outcome.DENIED: DENIED}
# How a key policy shows a role or user that was deleted.
_DELETED = ("AROA", "AIDA")
_STATES = {
    "Disabled": "key-disabled",
    "PendingDeletion": "key-pending-deletion",
    "PendingReplicaDeletion": "key-pending-deletion",
}


class KmsExamination:
    """Makes the requests to KMS, and stops where another one could tell nothing more.

    :param clients: gives a client of ``kms`` for a Region
    :ivar is_over: whether nothing more is to be asked of any service
    """

    def __init__(self, report: Report, clients: Clients) -> None:
        self._report = report
        self._clients = clients
        self._silent: set[str | None] = set()
        self._broken: set[str] = set()
        self._working: dict[str, Any] = {}
        self._with_deleted_roles: dict[str, bool] = {}
        self.is_over = False

    def examine(self, planned: Sequence[Group]) -> None:
        """Ask for everything, then for the state of each key with which something is allowed."""
        for group in planned:
            self._examine_group(group)
        if not self.is_over:
            for key, client in self._working.items():
                self._examine_key(key, client)

    def client(self, region: str | None) -> Any:  # noqa: ANN401 - boto3 has no types
        """Return the client for *region*, or ``None`` if nothing can be asked there."""
        if self.is_over or region in self._silent:
            return None
        try:
            return self._clients("kms", region)
        except ConfigurationError as error:
            self._report.add("boto3-unusable", str(error))
            self.is_over = True
            return None

    def ask(self, client: Any, what: Ask, region: str | None) -> Answer | None:  # noqa: ANN401 - as above
        """Ask once and write down the permission; ``None`` where nothing is known and the reason is reported."""
        answer = self._answer(client, what, region)
        word = UNKNOWN if answer is None else _WORDS.get(answer.outcome, UNKNOWN)
        self._note(what, word)
        return answer if word != UNKNOWN else None

    def _answer(self, client: Any, what: Ask, region: str | None) -> Answer | None:  # noqa: ANN401 - as above
        if client is None or self.is_over or region in self._silent or what.key in self._broken:
            return None
        if what.operation == "Decrypt" and what.ciphertext is None and not can_ignore_ciphertext(client):
            self._report.add("decrypt-not-checked", "this botocore does not know DryRunModifiers")
            return None
        answer = ask(client, what)
        if answer.outcome is Outcome.UNSUPPORTED:
            said = answer.message or "this botocore does not know DryRun"
            self._report.add("dry-run-unsupported", f"{what.operation} could not be asked by dry run: {said}")
            self.is_over = True
            return answer
        self._report.made["kms"] += 1
        self._note_endpoint(client, answer)
        if answer.outcome is Outcome.IGNORED:
            self._report.add(
                "dry-run-ignored", f"{what.operation} answered as if it were not a dry run; the answer was dropped"
            )
            self.is_over = True
        elif answer.outcome is Outcome.FAILED:
            self._report_failure(answer, what, client, region)
        return answer

    def _report_failure(self, answer: Answer, what: Ask, client: object, region: str | None) -> None:
        code, found = diagnose(answer, what, client)
        self._report.add(code, found)
        if code in CONCERNS_ALL:
            self.is_over = True
        if code in CONCERNS_ENDPOINT:
            self._silent.add(region)
        if code in CONCERNS_KEY:
            self._broken.add(what.key)

    def _note(self, what: Ask, word: str) -> None:
        self._report.permissions.append(
            Permission(action=f"kms:{what.operation}", on=what.key, context=what.about, answer=word)
        )

    def _note_endpoint(self, client: Any, answer: Answer) -> None:  # noqa: ANN401 - as above
        url = getattr(getattr(client, "meta", None), "endpoint_url", None)
        if isinstance(url, str):
            reached = answer.outcome is not Outcome.FAILED or answer.failure.code != ""
            self._report.endpoints[presentable(url)] = "answered" if reached else "not reached"

    # --- one operation with one key

    def _examine_group(self, group: Group) -> None:
        client = self.client(group.region)
        denied: dict[str, tuple[Ask, Answer]] = {}
        allowed: set[str] = set()
        known = True
        for what in group.asks:
            answer = self.ask(client if known else None, what, group.region)
            if answer is None:
                known = False
            elif answer.outcome is Outcome.DENIED:
                denied[what.about] = (what, answer)
            else:
                allowed.add(what.about)
        if allowed:
            self._working[group.key] = client
        if denied:
            self._judge(client, group, denied, allowed)

    def _judge(
        self,
        client: Any,  # noqa: ANN401 - as above
        group: Group,
        denied: dict[str, tuple[Ask, Answer]],
        allowed: set[str],
    ) -> None:
        about = GIVEN if GIVEN in denied else next(iter(denied))
        what, answer = denied[about]
        if GIVEN in allowed:
            self._report.add("context-required", f"{group.operation} with {group.key} is denied without the context")
            return
        if self._signing_is_the_cause(client, what, group.region):
            self._report.add(
                "signed-context-denied",
                f"{group.operation} with {group.key} is denied with {PUBLIC_KEY_FIELD} in the encryption context, and "
                "allowed without it",
            )
            return
        if allowed:
            self._report.add("context-not-allowed", f"{why_denied(answer, what)[1]} (with this encryption context)")
            return
        code, found = why_denied(answer, what)
        if code in OF_THE_KEY and self._names_a_deleted_role(client, group.key):
            code, found = "role-was-recreated", f"{found}. The key policy names a role or user that was deleted"
        self._report.add(code, found)

    def _signing_is_the_cause(self, client: Any, what: Ask, region: str | None) -> bool:  # noqa: ANN401 - as above
        if PUBLIC_KEY_FIELD not in what.context or what.ciphertext is not None:
            return False
        answer = self._answer(client, without_signing(what), region)
        return answer is not None and answer.outcome is Outcome.ALLOWED

    # --- what only some roles may read

    def _names_a_deleted_role(self, client: Any, key: str) -> bool:  # noqa: ANN401 - as above
        """Return whether the key policy names a principal by its ID, as AWS shows one that is gone; asked once."""
        if key not in self._with_deleted_roles:
            self._with_deleted_roles[key] = self._look_for_deleted_roles(client, key)
        return self._with_deleted_roles[key]

    def _look_for_deleted_roles(self, client: Any, key: str) -> bool:  # noqa: ANN401 - as above
        policy = self._read(client, "get_key_policy", KeyId=key, PolicyName="default")
        try:
            statements = json.loads(policy["Policy"])["Statement"] if policy else []
            named = [statement.get("Principal", {}) for statement in statements]
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
            return False
        texts = [text for each in named if isinstance(each, dict) for text in _texts(each.get("AWS"))]
        return any(text.startswith(_DELETED) for text in texts)

    def _examine_key(self, key: str, client: Any) -> None:  # noqa: ANN401 - as above
        described = self._read(client, "describe_key", KeyId=key)
        metadata = described.get("KeyMetadata") if isinstance(described, dict) else None
        if not isinstance(metadata, dict):
            self._report.add("key-state-not-checked", f"DescribeKey is not allowed or did not work with {key}")
            return
        state, spec = metadata.get("KeyState", "Enabled"), metadata.get("KeySpec", "SYMMETRIC_DEFAULT")
        if state != "Enabled":
            self._report.add(_STATES.get(state, "key-state"), f"{key} is in the state {state}")
        if spec != "SYMMETRIC_DEFAULT":
            self._report.add("key-of-another-kind", f"{key} has the spec {spec}")

    def _read(self, client: Any, method: str, **parameters: Any) -> Any:  # noqa: ANN401 - as above
        """Return what a reading request answers, or ``None`` where it may not or can't be made."""
        if not hasattr(client, method):
            return None
        self._report.made["kms"] += 1
        try:
            return getattr(client, method)(**parameters)
        except Exception:  # noqa: BLE001 - it was worth a try, and no function needs it
            return None


def _texts(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, str)]
