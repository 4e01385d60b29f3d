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


# spec: framework/branch-key-store.md#operations 1a81
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
        # spec: framework/branch-key-store.md#initialization 8d1a
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
            # spec: framework/branch-key-store.md#kms-client 2bae 574b 4308
            kms_client if kms_client is not None else make_client("kms", configuration.region),
            keyring="BranchKeyStore",
            grant_tokens=tokens,
            emit=emit,
        )
        dynamodb = DynamoDbRequests(
            # spec: framework/branch-key-store.md#dynamodb-client d719 c003 2ef2
            dynamodb_client if dynamodb_client is not None else make_client("dynamodb", configuration.region),
            emit=emit,
        )
        # spec: framework/branch-key-store.md#keystore-id e952
        key_store_id = str(new_uuid()) if key_store_id is None else check_name("key_store_id", key_store_id)
        self._configuration = configuration
        self._keys = WrappedKeys(kms, configuration, logical)
        self._table = Table(dynamodb, table)
        # spec: framework/branch-key-store.md#getkeystoreinfo 3654
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
        # spec: framework/branch-key-store.md#getkeystoreinfo 1205
        return self._info

    def create_table(self) -> str:
        """Create the table unless it is there, and return its ARN. It may take seconds until it can be used.

        :raises ConfigurationError: there is a table of this name with another key schema
        :raises KeyUnavailable: DynamoDB refuses

        Source: framework/branch-key-store.md#createkeystore
        """
        return self._table.create()

    # spec: framework/branch-key-store.md#createkey b55b
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
            # spec: framework/branch-key-store.md#createkey d002
            if not custom:
                raise InvalidRequest("a branch_key_id of your own needs an encryption_context that is not empty")
        # spec: framework/branch-key-store.md#createkey 0e31
        branch_key_id = branch_key_id or str(new_uuid())
        common = items.describe(branch_key_id, kms_arn=key_arn, create_time=items.now(), custom=custom)
        # spec: framework/branch-key-store.md#createkey d0a5
        # spec: framework/branch-key-store.md#branch-key-and-beacon-key-creation 774a b20b 17ec 26c1
        new = [*self._new_version(key_arn, common), self._keys.generate(key_arn, items.beacon(common))]
        # spec: framework/branch-key-store.md#createkey 6a84
        self._table.add(branch_key_id, new)
        # spec: framework/branch-key-store.md#createkey f8a6
        return branch_key_id

    # spec: framework/branch-key-store.md#versionkey 3289
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
        # spec: framework/branch-key-store.md#versionkey 382d
        old = self._read(branch_key_id, items.ACTIVE, consistent=True)
        # spec: framework/branch-key-store.md#versionkey ba2a ab3e
        self._keys.authenticate(key_arn, old)
        common = items.describe(
            old.texts[items.BRANCH_KEY_ID],
            # spec: framework/branch-key-store.md#versionkey b56b
            kms_arn=old.kms_arn,
            create_time=items.now(),
            # spec: framework/branch-key-store.md#custom-encryption-context 9104
            # spec: framework/branch-key-store.md#versionkey c9a4
            custom=items.custom_context(old.texts),
        )
        # spec: framework/branch-key-store.md#versionkey b20b b9cb
        self._table.replace_active(old, *self._new_version(key_arn, common))

    # spec: framework/branch-key-store.md#getactivebranchkey 3289
    @scrubbed
    def get_active_branch_key(self, branch_key_id: str, /) -> BranchKeyMaterials:
        """Return the version that encrypts now.

        :raises InvalidRequest: *branch_key_id* can't be one
        :raises KeyUnavailable: it is not there, was changed, or KMS or DynamoDB refuses

        Source: framework/branch-key-store.md#getactivebranchkey
        """
        # spec: framework/branch-key-store.md#getactivebranchkey 8c30 0ca0
        return self._branch_key(self._read(branch_key_id, items.ACTIVE))

    # spec: framework/branch-key-store.md#getbranchkeyversion 3289
    @scrubbed
    def get_branch_key_version(self, branch_key_id: str, branch_key_version: str, /) -> BranchKeyMaterials:
        """Return the version of this name, the text of a UUID.

        :raises InvalidRequest: an argument can't be one
        :raises KeyUnavailable: it is not there, was changed, or KMS or DynamoDB refuses

        Source: framework/branch-key-store.md#getbranchkeyversion
        """
        # spec: framework/branch-key-store.md#getbranchkeyversion 43b4 ecd6
        item_type = items.version_type(check_version(branch_key_version))
        # spec: framework/branch-key-store.md#getbranchkeyversion 0ca0
        return self._branch_key(self._read(branch_key_id, item_type))

    # spec: framework/branch-key-store.md#getbeaconkey 3289
    @scrubbed
    def get_beacon_key(self, branch_key_id: str, /) -> BeaconKeyMaterials:
        """Return the beacon key.

        :raises InvalidRequest: *branch_key_id* can't be one
        :raises KeyUnavailable: it is not there, was changed, or KMS or DynamoDB refuses

        Source: framework/branch-key-store.md#getbeaconkey
        """
        # spec: framework/branch-key-store.md#getbeaconkey 0c54
        item = self._read(branch_key_id, items.BEACON)
        # spec: framework/branch-key-store.md#getbeaconkey 4857 a408
        return BeaconKeyMaterials(
            beacon_key_id=branch_key_id,
            # spec: framework/branch-key-store.md#getbeaconkey 36a0 fb9b
            beacon_key=self._keys.unwrap(item),
            encryption_context=EncryptionContext.of(items.custom_context(item.texts)),
        )

    def _writable(self) -> str:
        """Return the ARN of the KMS key that protects what is written."""
        key_arn = self._configuration.key_arn
        # spec: framework/branch-key-store.md#createkey 0782
        # spec: framework/branch-key-store.md#versionkey 257b
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
        # spec: framework/branch-key-store.md#branch-key-and-beacon-key-creation db44
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
        # spec: framework/branch-key-store.md#getactivebranchkey c5c6
        # spec: framework/branch-key-store.md#getbranchkeyversion 81ea
        return BranchKeyMaterials(
            # spec: framework/branch-key-store.md#branch-key-materials-from-authenticated-encryption-context 8af1
            branch_key_id=item.texts[items.BRANCH_KEY_ID],
            branch_key_version=item.version,
            # spec: framework/branch-key-store.md#getactivebranchkey d5cd 61d5
            # spec: framework/branch-key-store.md#getbranchkeyversion d5cd 186f
            # spec: framework/branch-key-store.md#branch-key-materials-from-authenticated-encryption-context 4279
            branch_key=self._keys.unwrap(item),
            # spec: framework/branch-key-store.md#branch-key-materials-from-authenticated-encryption-context 9df4
            encryption_context=EncryptionContext.of(items.custom_context(item.texts)),
            kms_key_arn=self._configuration.key_to_ask(item.kms_arn),
        )
