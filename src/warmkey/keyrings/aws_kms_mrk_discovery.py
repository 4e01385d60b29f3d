"""Decrypt under whatever key a message names, asking this Region's replica of a multi-Region key.

Source: framework/aws-kms/aws-kms-mrk-discovery-keyring.md
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from warmkey.events import ignore
from warmkey.exceptions import ConfigurationError
from warmkey.keyrings.aws_kms_discovery import AwsKmsDiscoveryKeyring, DiscoveryFilter
from warmkey.tracebacks import scrubbed
from warmkey.validation import kind_of, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from warmkey.events import Emit
    from warmkey.keyrings.aws_kms_key_arn import KmsArn
    from warmkey.keyrings.kms_requests import KmsClient

__all__ = ["AwsKmsMrkDiscoveryKeyring"]

_REGION = re.compile("[a-z]{2}(-[a-z]+)+-[0-9]+")


# spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#interface 9420
class AwsKmsMrkDiscoveryKeyring(AwsKmsDiscoveryKeyring):
    """Works as :class:`AwsKmsDiscoveryKeyring`, for keys of *region* and multi-Region keys of any Region.

    :param region: the Region of *kms_client*
    :raises ConfigurationError: an argument can't be used, or the client says that it is of another Region

    Source: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#initialization
    """

    @scrubbed
    def __init__(
        self,
        *,
        kms_client: KmsClient,
        region: str,
        discovery_filter: DiscoveryFilter | None = None,
        grant_tokens: Iterable[str] = (),
        emit: Emit = ignore,
    ) -> None:
        # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#initialization 8104
        super().__init__(kms_client=kms_client, discovery_filter=discovery_filter, grant_tokens=grant_tokens, emit=emit)
        # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#initialization 8104 1692
        self._region = text("region", region)
        # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#initialization 26dc
        if self._kms.region not in (None, region):
            raise ConfigurationError(
                f"region must be the Region of kms_client, {self._kms.region!r}, not {kind_of(region)}"
            )

    def _is_ours(self, arn: KmsArn) -> bool:
        # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 85ef
        return super()._is_ours(arn) and (arn.is_multi_region or arn.region == self._region)

    def _key_to_ask(self, arn: KmsArn) -> str:
        # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 0fd4 6f36
        return str(arn._replace(region=self._region) if arn.is_multi_region else arn)
