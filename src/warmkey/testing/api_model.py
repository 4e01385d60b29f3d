"""What boto3 knows about KMS and DynamoDB: parameters, limits and exceptions, as botocore describes the services.

The fake is as strict as the real client because it asks the same model.
"""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.errorfactory import ClientExceptionsFactory
from botocore.validate import validate_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.exceptions import ClientError

__all__ = ["check_limits", "check_parameters", "client_exceptions", "kms_error", "service_model"]

_SERVER_FAULTS = {
    "DependencyTimeoutException": 503,
    "InternalServerError": 500,
    "KMSInternalException": 500,
    "KeyUnavailableException": 500,
}


@lru_cache(maxsize=2)
def service_model(service: str) -> Any:  # noqa: ANN401 - botocore has no types
    """Botocore's model of a service."""
    return botocore.session.get_session().get_service_model(service)


@lru_cache(maxsize=2)
def client_exceptions(service: str) -> Any:  # noqa: ANN401 - botocore has no types
    """Return what a boto3 client offers as ``client.exceptions``."""
    return ClientExceptionsFactory().create_client_exceptions(service_model(service))


def check_parameters(service: str, operation: str, parameters: dict[str, object]) -> dict[str, Any]:
    """Return *parameters* as the service would receive them: blobs as ``bytes``, everything else as given.

    :raises ParamValidationError: what boto3 refuses before it sends anything (unknown, missing, wrongly typed, empty)
    """
    shape = service_model(service).operation_model(operation).input_shape
    validate_parameters(parameters, shape)
    return {name: _received(value, shape.members[name].type_name) for name, value in parameters.items()}


def check_limits(operation: str, parameters: Mapping[str, Any]) -> None:
    """Refuse what boto3 sends and the service then rejects: values that are too long, too large or not in an enum.

    :raises ClientError: ``ValidationException``
    """
    members = service_model("kms").operation_model(operation).input_shape.members
    for name, value in parameters.items():
        rule = _broken_rule(value, members[name].metadata)
        if rule:
            field = name[0].lower() + name[1:]
            problem = f"1 validation error detected: Value at '{field}' must {rule}"
            raise kms_error("ValidationException", operation, problem)


def kms_error(code: str, operation: str, message: str) -> ClientError:
    """The exception that boto3 raises for an error answer of KMS."""
    return service_error("kms", code, operation, message)


def service_error(
    service: str,
    code: str,
    operation: str,
    message: str,
    *,
    retries: int = 0,
    exhausted: bool = False,
    details: Mapping[str, object] = MappingProxyType({}),
) -> ClientError:
    """Make the exception that boto3 raises for an error answer.

    :param retries: how often the client tried again, as its response metadata reports it
    :param exhausted: the client gave up because it had no retry left
    :param details: what the answer says beside code and message
    """
    metadata: dict[str, Any] = response_metadata(_SERVER_FAULTS.get(code, 400), retries=retries)
    if exhausted:
        metadata["MaxAttemptsReached"] = True
    response = {
        "Error": {"Message": message, "Code": code},
        "ResponseMetadata": metadata,
        "message": message,
        **details,
    }
    error: Callable[[dict[str, Any], str], ClientError] = client_exceptions(service).from_code(code)
    return error(response, operation)


def response_metadata(status: int, *, retries: int = 0) -> dict[str, Any]:
    """Return what boto3 adds to every answer."""
    return {
        "RequestId": "00000000-0000-4000-8000-000000000000",
        "HTTPStatusCode": status,
        "HTTPHeaders": {"content-type": "application/x-amz-json-1.1"},
        "RetryAttempts": retries,
    }


def _received(value: Any, type_name: str) -> Any:  # noqa: ANN401 - whatever the caller gave
    if type_name != "blob":
        return value
    return value.encode() if isinstance(value, str) else bytes(memoryview(value))


def _broken_rule(value: Any, limits: dict[str, Any]) -> str | None:  # noqa: ANN401 - whatever the caller gave
    if "enum" in limits and value not in limits["enum"]:
        return f"satisfy enum value set: [{', '.join(limits['enum'])}]"
    size, what = (len(value), "length") if hasattr(value, "__len__") else (value, "value")
    if size < limits.get("min", size):
        return f"have {what} greater than or equal to {limits['min']}"
    if size > limits.get("max", size):
        return f"have {what} less than or equal to {limits['max']}"
    return None
