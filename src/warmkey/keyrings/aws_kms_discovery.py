"""Decrypt under whatever AWS KMS key a message names, within a filter.

Source: framework/aws-kms/aws-kms-discovery-keyring.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from warmkey.events import ignore
from warmkey.exceptions import ConfigurationError
from warmkey.keyrings.aws_kms_key_arn import is_account_id
from warmkey.keyrings.kms_decryption import KmsDecryption
from warmkey.keyrings.kms_requests import KmsRequests
from warmkey.safe_repr import safe_repr
from warmkey.tracebacks import scrubbed, scrubbed_constructor
from warmkey.validation import plausible, shown, text, texts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from warmkey.events import Emit
    from warmkey.keyrings.aws_kms_key_arn import KmsArn
    from warmkey.keyrings.kms_requests import KmsClient
    from warmkey.structures import EncryptionMaterials

__all__ = ["AwsKmsDiscoveryKeyring", "DiscoveryFilter"]


@safe_repr
@scrubbed_constructor
@dataclass(frozen=True, slots=True)
class DiscoveryFilter:
    """Says whose keys a discovery keyring may use.

    :param partition: for example ``aws`` or ``aws-cn``
    :param account_ids: the accounts, as text: ``["111122223333"]``
    :raises ConfigurationError: the partition is empty or not text, or an account ID is not 12 digits
    """

    partition: str
    account_ids: Collection[str]

    def __post_init__(self) -> None:
        text("partition", self.partition)
        account_ids = frozenset(texts("account_ids", self.account_ids))
        if not account_ids:
            raise ConfigurationError("account_ids must have at least one account ID; an empty list would permit none")
        for account_id in account_ids:
            if not is_account_id(account_id):
                raise ConfigurationError(f"one of account_ids must be 12 digits, not {plausible(account_id)}")
        object.__setattr__(self, "account_ids", account_ids)

    def permits(self, arn: KmsArn) -> bool:
        """Return whether the key *arn* is in the partition and in one of the accounts."""
        # spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt 5e80 a229
        # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 5e80 a229
        return arn.partition == self.partition and arn.account in self.account_ids


# spec: framework/aws-kms/aws-kms-discovery-keyring.md#interface 9420
@safe_repr
class AwsKmsDiscoveryKeyring(KmsDecryption):
    """Decrypts only, under the key that each encrypted data key names if *discovery_filter* permits it.

    Without a filter, whoever writes a message chooses the key and the account that are asked.

    :param kms_client: as ``boto3.client("kms", region_name=...)`` makes it; it reaches the keys of its Region
    :param discovery_filter: partition and accounts whose keys may be used; ``None`` permits all
    :param grant_tokens: sent with every request
    :param emit: told of every KMS request
    :raises ConfigurationError: an argument can't be used

    Source: framework/aws-kms/aws-kms-discovery-keyring.md#initialization
    """

    @scrubbed
    def __init__(
        self,
        *,
        kms_client: KmsClient,
        discovery_filter: DiscoveryFilter | None = None,
        grant_tokens: Iterable[str] = (),
        emit: Emit = ignore,
    ) -> None:
        if discovery_filter is not None and not isinstance(discovery_filter, DiscoveryFilter):
            raise ConfigurationError(f"discovery_filter must be a DiscoveryFilter, not {shown(discovery_filter)}")
        self._filter = discovery_filter
        # spec: framework/aws-kms/aws-kms-discovery-keyring.md#initialization 8a85
        super().__init__(KmsRequests(kms_client, keyring=type(self).__name__, grant_tokens=grant_tokens, emit=emit))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._filter!r})"

    def on_encrypt(self, materials: EncryptionMaterials, /) -> NoReturn:
        """Refuse to encrypt.

        :raises ConfigurationError: always

        Source: framework/aws-kms/aws-kms-discovery-keyring.md#onencrypt
        """
        del materials
        # spec: framework/aws-kms/aws-kms-discovery-keyring.md#onencrypt 1130
        # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#onencrypt 1130
        raise ConfigurationError(f"{type(self).__name__} can only decrypt; encrypt with a keyring that names its key")

    def _is_ours(self, arn: KmsArn) -> bool:
        return self._filter is None or self._filter.permits(arn)

    def _key_to_ask(self, arn: KmsArn) -> str:
        # spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt 6d70
        return str(arn)
