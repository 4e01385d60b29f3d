"""Makes the clients that a key store was not given; boto3 is imported only then.

Source: framework/branch-key-store.md#dynamodb-client, #kms-client
"""

from __future__ import annotations

from typing import Any

from warmkey.exceptions import ConfigurationError

__all__ = ["make_client"]

_CONNECT_SECONDS = 1
_READ_SECONDS = 1
_ATTEMPTS = 3
_USER_AGENT = "aws-kms-hierarchy"


def make_client(service: str, region: str | None) -> Any:  # noqa: ANN401 - boto3 has no types
    """Return a client for *service* in *region*, or in the Region that boto3 is configured for.

    It waits a second for a connection, a second for an answer, and tries three times.

    :raises ConfigurationError: boto3 is missing, or can't make one
    """
    try:
        import boto3  # noqa: PLC0415 - whoever brings clients does not need it
        from botocore.config import Config  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, NoRegionError  # noqa: PLC0415
    except ImportError as error:
        raise ConfigurationError(f"boto3 can't be imported: {error}; install it, or give the clients") from error
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        tcp_keepalive=True,
        # spec: framework/branch-key-store.md#kms-client 74af
        user_agent_extra=_USER_AGENT,
    )
    try:
        return boto3.client(service, region_name=region, config=config)
    except NoRegionError as error:
        raise ConfigurationError(
            f"boto3 can't make a client for {service}: {error} Name it by AWS_DEFAULT_REGION"
        ) from error
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"boto3 can't make a client for {service}: {error}") from error
