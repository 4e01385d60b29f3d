"""The branch key store: creates, rotates and reads branch keys.

A branch key is one secret in two wrappings: an item for its version, which stays, and the active item, which each
rotation replaces. Creating takes three KMS requests and one transaction; reading takes a GetItem and a Decrypt.

Source: framework/branch-key-store.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.branch_keys import items
from warmkey.branch_keys.clients import make_client
from warmkey.branch_keys.dynamodb_requests import DynamoDbRequests
from warmkey.branch_keys.interface import KeyStoreInfo
from warmkey.branch_keys.kms_configuration import KmsConfiguration
from warmkey.branch_keys.materials import BeaconKeyMaterials, BranchKeyMaterials
from warmkey.branch_keys.names import check_branch_key_id, check_name, check_table_name, check_version, new_uuid
from warmkey.branch_keys.table import Table
from warmkey.branch_keys.wrapped_keys import WrappedKeys
from warmkey.events import ignore
from warmkey.exceptions import ConfigurationError, InvalidRequest
from warmkey.keyrings.kms_requests import KmsRequests
from warmkey.safe_repr import safe_repr
from warmkey.structures import EncryptionContext
from warmkey.tracebacks import scrubbed
from warmkey.validation import texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from warmkey.branch_keys.items import KeyStoreItem
    from warmkey.events import Emit
    from warmkey.keyrings.service_requests import ServiceClient

__all__ = ["BranchKeyStore"]


@safe_repr
class BranchKeyStore:
    """Keeps branch keys in a DynamoDB table. Give exactly one of the four KMS configurations.

    :param table_name: the DynamoDB table
    :param logical_key_store_name: bound into every branch key, so it can never change; the table's name by default
    :param kms_key_arn: create, rotate and read branch keys under this KMS key
    :param kms_mrk_key_arn: the same, and use branch keys of this key's replicas in other Regions
    :param discovery: read branch keys under whichever KMS key they name
    :param mrk_discovery_region: the same, and ask for multi-Region keys in this Region
    :param kms_client: as ``boto3.client("kms")`` makes it; by default one in the Region of the configuration, which
        waits a second to connect, a second for an answer, and tries three times
    :param dynamodb_client: as ``boto3.client("dynamodb")`` makes it; by default the same
    :param grant_tokens: sent with every KMS request
    :param key_store_id: names this object in :meth:`get_key_store_info`; a UUID by default
    :param emit: told of every request to KMS and DynamoDB
    :raises ConfigurationError: an argument can't be used

    Source: framework/branch-key-store.md#initialization
    """

    @scrubbed
    def __init__(  # noqa: PLR0913 - the specification's settings, all by keyword
        self,
        table_name: str,
        *,
        logical_key_store_name: str | None = None,
        kms_key_arn: str | None = None,
        kms_mrk_key_arn: str | None = None,
        discovery: bool = False,
        mrk_discovery_region: str | None = None,
        kms_client: ServiceClient = None,
        dynamodb_client: ServiceClient = None,
        grant_tokens: Iterable[str] = (),
        key_store_id: str | None = None,
        emit: Emit = ignore,
    ) -> None:
        configuration = KmsConfiguration(
            kms_key_arn=kms_key_arn,
            kms_mrk_key_arn=kms_mrk_key_arn,
            discovery=discovery,
            mrk_discovery_region=mrk_discovery_region,
        )
        tokens = texts("grant_tokens", grant_tokens)
        table = check_table_name(table_name)
        logical = table if logical_key_store_name is None else logical_key_store_name
        logical = check_name("logical_key_store_name", logical)
        kms = KmsRequests(
            kms_client if kms_client is not None else make_client("kms", configuration.region),
            keyring="BranchKeyStore",
            grant_tokens=tokens,
            emit=emit,
        )
        dynamodb = DynamoDbRequests(
            dynamodb_client if dynamodb_client is not None else make_client("dynamodb", configuration.region), emit=emit
        )
        # spec: framework/branch-key-store.md#keystore-id e952
        key_store_id = str(new_uuid()) if key_store_id is None else check_name("key_store_id", key_store_id)
        self._configuration = configuration
        self._keys = WrappedKeys(kms, configuration, logical)
        self._table = Table(dynamodb, table)
        self._info = KeyStoreInfo(
            key_store_id=key_store_id,
            table_name=table,
            logical_key_store_name=logical,
            grant_tokens=tokens,
            kms_configuration=configuration,
        )

    def __repr__(self) -> str:
        return f"BranchKeyStore({self._info.table_name!r})"

    def get_key_store_info(self) -> KeyStoreInfo:
        """Describe this key store; no request is made.

        Source: framework/branch-key-store.md#getkeystoreinfo
        """
        return self._info

    def create_table(self) -> str:
        """Create the table unless it is there, and return its ARN. It may take seconds until it can be used.

        :raises ConfigurationError: there is a table of this name with another key schema
        :raises KeyUnavailable: DynamoDB refuses

        Source: framework/branch-key-store.md#createkeystore
        """
        return self._table.create()

    @scrubbed
    def create_key(self, branch_key_id: str | None = None, encryption_context: Mapping[str, str] | None = None) -> str:
        """Create a branch key and its beacon key, and return the branch key's ID.

        :param branch_key_id: an ID of your own; it needs an *encryption_context*
        :param encryption_context: kept with every version in the table, unencrypted, and bound to it
        :raises InvalidRequest: an argument can't be used
        :raises ConfigurationError: this key store uses discovery
        :raises BranchKeyConflict: the branch key exists already
        :raises KeyUnavailable: KMS or DynamoDB refuses

        Source: framework/branch-key-store.md#createkey, #branch-key-and-beacon-key-creation
        """
        key_arn = self._writable()
        custom = EncryptionContext.of(encryption_context)
        if branch_key_id is not None:
            check_branch_key_id(branch_key_id)
            if not custom:
                raise InvalidRequest("a branch_key_id of your own needs an encryption_context that is not empty")
        branch_key_id = branch_key_id or str(new_uuid())
        common = items.describe(branch_key_id, kms_arn=key_arn, create_time=items.now(), custom=custom)
        new = [*self._new_version(key_arn, common), self._keys.generate(key_arn, items.beacon(common))]
        self._table.add(branch_key_id, new)
        return branch_key_id

    @scrubbed
    def version_key(self, branch_key_id: str, /) -> None:
        """Rotate a branch key: what is encrypted from now on uses a new version; old versions stay readable.

        :raises InvalidRequest: *branch_key_id* can't be one
        :raises ConfigurationError: this key store uses discovery
        :raises BranchKeyConflict: another rotation came first; nothing was written
        :raises KeyUnavailable: the branch key is not there, was changed, or KMS or DynamoDB refuses

        Source: framework/branch-key-store.md#versionkey
        """
        key_arn = self._writable()
        # A stale active item would lose the optimistic lock for no reason.
        old = self._read(branch_key_id, items.ACTIVE, consistent=True)
        self._keys.authenticate(key_arn, old)
        common = items.describe(
            old.texts[items.BRANCH_KEY_ID],
            kms_arn=old.kms_arn,
            create_time=items.now(),
            custom=items.custom_context(old.texts),
        )
        self._table.replace_active(old, *self._new_version(key_arn, common))

    @scrubbed
    def get_active_branch_key(self, branch_key_id: str, /) -> BranchKeyMaterials:
        """Return the version that encrypts now.

        :raises InvalidRequest: *branch_key_id* can't be one
        :raises KeyUnavailable: it is not there, was changed, or KMS or DynamoDB refuses

        Source: framework/branch-key-store.md#getactivebranchkey
        """
        return self._branch_key(self._read(branch_key_id, items.ACTIVE))

    @scrubbed
    def get_branch_key_version(self, branch_key_id: str, branch_key_version: str, /) -> BranchKeyMaterials:
        """Return the version of this name, the text of a UUID.

        :raises InvalidRequest: an argument can't be one
        :raises KeyUnavailable: it is not there, was changed, or KMS or DynamoDB refuses

        Source: framework/branch-key-store.md#getbranchkeyversion
        """
        item_type = items.version_type(check_version(branch_key_version))
        return self._branch_key(self._read(branch_key_id, item_type))

    @scrubbed
    def get_beacon_key(self, branch_key_id: str, /) -> BeaconKeyMaterials:
        """Return the beacon key.

        :raises InvalidRequest: *branch_key_id* can't be one
        :raises KeyUnavailable: it is not there, was changed, or KMS or DynamoDB refuses

        Source: framework/branch-key-store.md#getbeaconkey
        """
        item = self._read(branch_key_id, items.BEACON)
        return BeaconKeyMaterials(
            beacon_key_id=branch_key_id,
            beacon_key=self._keys.unwrap(item),
            encryption_context=EncryptionContext.of(items.custom_context(item.texts)),
        )

    def _writable(self) -> str:
        """Return the ARN of the KMS key that protects what is written."""
        key_arn = self._configuration.key_arn
        if key_arn is None:
            raise ConfigurationError(
                "a key store that uses discovery can only read; give kms_key_arn or kms_mrk_key_arn to create or "
                "rotate branch keys"
            )
        return key_arn

    def _new_version(self, key_arn: str, common: Mapping[str, str]) -> tuple[KeyStoreItem, KeyStoreItem]:
        """Have KMS make a branch key; return its version's item and the active one.

        Source: framework/branch-key-store.md#wrapped-branch-key-creation
        """
        version = str(new_uuid())
        decrypt_only = self._keys.generate(key_arn, items.decrypt_only(common, version))
        return decrypt_only, self._keys.rewrap(key_arn, decrypt_only, items.active(common, version))

    def _read(self, branch_key_id: str, item_type: str, *, consistent: bool = False) -> KeyStoreItem:
        item = self._table.read(check_branch_key_id(branch_key_id), item_type, consistent=consistent)
        refusal = self._configuration.refusal(item.kms_arn)
        if refusal is not None:
            remedy = "configure the KMS key that protects it; KMS was not asked"
            raise self._table.unusable(branch_key_id, item_type, refusal, remedy=remedy)
        return item

    def _branch_key(self, item: KeyStoreItem) -> BranchKeyMaterials:
        return BranchKeyMaterials(
            branch_key_id=item.texts[items.BRANCH_KEY_ID],
            branch_key_version=item.version,
            branch_key=self._keys.unwrap(item),
            encryption_context=EncryptionContext.of(items.custom_context(item.texts)),
            kms_key_arn=self._configuration.key_to_ask(item.kms_arn),
        )
