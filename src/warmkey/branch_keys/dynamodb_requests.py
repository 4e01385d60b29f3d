"""Make requests to DynamoDB: tell subscribers, and explain failures.

Source: framework/branch-key-store.md#dynamodb-client
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warmkey.events import DynamoDbOutcome, DynamoDbRequest, KmsOutcome, ignore
from warmkey.exceptions import ConfigurationError, KeyAttempt, KeyUnavailable
from warmkey.keyrings.service_requests import ServiceClient, ServiceRequests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from warmkey.events import Emit
    from warmkey.keyrings.kms_failures import Failure
    from warmkey.keyrings.service_requests import ServiceRequest

__all__ = ["DynamoDbRequests", "cancellation_codes"]

_METHODS = {
    "GetItem": "get_item",
    "TransactWriteItems": "transact_write_items",
    "DescribeTable": "describe_table",
    "CreateTable": "create_table",
    "Query": "query",
    "Scan": "scan",
}
# Codes of answers, and of the reasons why a transaction was cancelled, that KMS has no like of.
_OUTCOME_OF_CODE = {
    "ConditionalCheckFailed": DynamoDbOutcome.CONFLICT,
    "ResourceInUseException": DynamoDbOutcome.CONFLICT,
    "TransactionConflict": DynamoDbOutcome.CONFLICT,
    "TransactionConflictException": DynamoDbOutcome.CONFLICT,
    "TransactionInProgressException": DynamoDbOutcome.CONFLICT,
    "ProvisionedThroughputExceeded": DynamoDbOutcome.THROTTLED,
    "ThrottlingError": DynamoDbOutcome.THROTTLED,
}
_OUTCOME_LIKE = {
    KmsOutcome.THROTTLED: DynamoDbOutcome.THROTTLED,
    KmsOutcome.DENIED: DynamoDbOutcome.DENIED,
    KmsOutcome.UNREACHABLE: DynamoDbOutcome.UNREACHABLE,
}
_REMEDIES = {
    DynamoDbOutcome.THROTTLED: "one partition serves 3,000 reads a second: cache branch keys for longer, or try again",
    DynamoDbOutcome.DENIED: (
        "allow the operation on this table in the function's role, and look for a service control policy (SCP), a "
        "permissions boundary or a VPC endpoint policy that does not allow it"
    ),
    DynamoDbOutcome.CONFLICT: "another request writes the same items: look at them, then try again",
    DynamoDbOutcome.UNREACHABLE: "check the Region, the network path (VPC endpoint, security group) and the timeouts",
}
_REMEDY_OF_CODE = {
    "ResourceNotFoundException": "create the table, wait until it is ACTIVE, or check its name, Region and account",
    "TransactionConflict": "another transaction writes the same items: try again",
}
# Nobody knows what became of it.
_REMEDY_OF_AN_UNANSWERED_WRITE = "look whether it was written before you try again"


class DynamoDbRequests(ServiceRequests):
    """Makes requests with one client.

    :param dynamodb_client: as ``boto3.client("dynamodb")`` makes it
    :param emit: told of every request (:class:`warmkey.events.DynamoDbRequest`)
    :raises ConfigurationError: there is no client or no subscriber
    """

    def __init__(self, dynamodb_client: ServiceClient, *, emit: Emit = ignore) -> None:
        if not hasattr(dynamodb_client, "get_item"):
            kind = type(dynamodb_client).__name__
            raise ConfigurationError(
                f"dynamodb_client must be a client as boto3.client('dynamodb') makes it, not {kind}"
            )
        super().__init__(dynamodb_client, "dynamodb", emit=emit)

    def __call__(self, operation: str, *, about: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3
        """Return the response to *operation*, for example ``GetItem``. *about* is what an error names.

        :raises KeyUnavailable: the request failed; the one attempt names operation, item, cause and remedy
        """
        request = self._request()
        try:
            response = self._send(request, operation, _METHODS[operation], parameters)
        except Exception as error:
            failure = self._failure(error, parameters, request)
            codes = cancellation_codes(error)
            attempt = self._attempt(operation, about, failure, codes, error)
            self._tell(operation, request, DynamoDbOutcome(attempt.outcome or DynamoDbOutcome.OTHER))
            raise KeyUnavailable(f"DynamoDB {operation} failed", [attempt]) from error
        self._tell(operation, request, DynamoDbOutcome.OK)
        problem = _problem_with(response)
        if problem:
            attempt = KeyAttempt(keyring="BranchKeyStore", operation=operation, key=about, reason=problem)
            raise KeyUnavailable(f"DynamoDB {operation} gave no usable answer", [attempt])
        answer: dict[str, Any] = response
        return answer

    def _attempt(
        self, operation: str, about: str, failure: Failure, codes: tuple[str, ...], error: Exception
    ) -> KeyAttempt:
        telling = next((code for code in codes if code != "None"), failure.code)
        outcome = _OUTCOME_OF_CODE.get(telling) or _OUTCOME_LIKE.get(failure.outcome, DynamoDbOutcome.OTHER)
        remedy = _REMEDY_OF_CODE.get(telling) or _REMEDIES.get(outcome) or failure.remedy
        if outcome is DynamoDbOutcome.UNREACHABLE and operation == "TransactWriteItems":
            remedy = f"{remedy}; {_REMEDY_OF_AN_UNANSWERED_WRITE}"
        return KeyAttempt(
            keyring="BranchKeyStore",
            operation=operation,
            key=about,
            region=self.region,
            outcome=outcome,
            error_code=telling,
            request_id=failure.request_id,
            reason=failure._replace(code=telling).reason("DynamoDB"),
            remedy=remedy,
            cause=error,
        )

    def _tell(self, operation: str, request: ServiceRequest, outcome: DynamoDbOutcome) -> None:
        self._emit(
            DynamoDbRequest(
                dynamodb_operation=operation,
                duration_seconds=request.duration_seconds,
                attempts=request.attempts,
                outcome=outcome,
            )
        )

    def _sensitive(self, parameters: Mapping[str, Any]) -> Iterator[str]:
        """Find the texts of the items that are to be written: custom values are nobody's business."""
        for action in parameters.get("TransactItems", ()):
            for value in action["Put"]["Item"].values():
                if "S" in value:
                    yield value["S"]


def _problem_with(response: Any) -> str:  # noqa: ANN401 - whatever a client gives
    """Say why boto3 could not have given *response*: a stand-in for its client may give anything."""
    if not isinstance(response, dict):
        return f"the DynamoDB client answered with {type(response).__name__}, not with a dict"
    items = response.get("Items", ())
    item = response.get("Item")
    if not isinstance(items, (list, tuple)) or not all(map(_is_item, [*items, {} if item is None else item])):
        return (
            "the DynamoDB client answered with an item that is not a dict of attributes, each with a type and a value"
        )
    return ""


def _is_item(item: object) -> bool:
    return isinstance(item, dict) and all(
        isinstance(name, str) and isinstance(value, dict) and len(value) == 1 for name, value in item.items()
    )


def cancellation_codes(error: BaseException | None) -> tuple[str, ...]:
    """Return why DynamoDB's answer *error* says that a transaction was cancelled, one code for each of its items."""
    response = getattr(error, "response", None)
    reasons = response.get("CancellationReasons", ()) if isinstance(response, dict) else ()
    return tuple(str(reason.get("Code", "None")) for reason in reasons)
