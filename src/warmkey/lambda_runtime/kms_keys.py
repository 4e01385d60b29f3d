"""Make one keyring of the settings: the KMS keys that the helpers encrypt and decrypt with."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from warmkey.exceptions import ConfigurationError
from warmkey.keyrings.aws_kms import AwsKmsKeyring
from warmkey.keyrings.aws_kms_key_arn import parse_kms_arn, region_of
from warmkey.keyrings.multi import MultiKeyring
from warmkey.keyrings.split import SplitKeyring
from warmkey.lambda_runtime.settings import KmsMode, home_region

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    from warmkey.events import Emit
    from warmkey.keyrings.aws_kms_discovery import DiscoveryFilter
    from warmkey.keyrings.aws_kms_key_arn import KmsArn
    from warmkey.keyrings.interface import Keyring
    from warmkey.keyrings.kms_requests import KmsClient
    from warmkey.lambda_runtime.settings import Settings
    from warmkey.structures import EncryptionMaterials

    ClientSupplier: TypeAlias = Callable[[str | None], KmsClient]

__all__ = ["keyring_of"]


def keyring_of(settings: Settings, clients: ClientSupplier, *, only_region: str | None, emit: Emit) -> Keyring:
    """Make a keyring that encrypts with ``WARMKEY_KMS_KEY_ARNS`` and decrypts with whatever the settings allow.

    :param clients: gives a KMS client for a Region
    :param only_region: the Region of all clients, where they are one client
    :raises ConfigurationError: the settings name no Region where one is needed, or a multi-Region key twice
    """
    decrypting = tuple(dict.fromkeys([*settings.kms_key_arns, *settings.decrypt_key_arns]))
    kind = _multi_region_kind(decrypting) if settings.kms_mode is KmsMode.MRK else AwsKmsKeyring
    keyrings: dict[str, Keyring] = {
        identifier: kind(identifier, kms_client=clients(region_of(identifier) or home_region()), emit=emit)
        for identifier in decrypting
    }
    encryptors = [keyrings[identifier] for identifier in settings.kms_key_arns]
    decryptors = [keyrings[identifier] for identifier in decrypting]
    if settings.kms_mode.discovers:
        decryptors = _discovering(settings, clients, keyrings, only_region=only_region, emit=emit)
    return SplitKeyring(
        encrypting=MultiKeyring(encryptors[0], encryptors[1:]) if encryptors else _NothingToEncryptWith(),
        decrypting=MultiKeyring(children=decryptors),
    )


def _multi_region_kind(identifiers: Sequence[str]) -> type[AwsKmsKeyring]:
    from warmkey.keyrings.aws_kms_mrk import AwsKmsMrkKeyring  # noqa: PLC0415 - few have multi-Region keys
    from warmkey.keyrings.aws_kms_mrk_are_unique import check_multi_region_keys_are_unique  # noqa: PLC0415 - as above

    check_multi_region_keys_are_unique(identifiers)
    return AwsKmsMrkKeyring


def _discovering(
    settings: Settings, clients: ClientSupplier, keyrings: dict[str, Keyring], *, only_region: str | None, emit: Emit
) -> list[Keyring]:
    """Make a discovery keyring for each known Region, after the keyrings of named keys that those would not permit."""
    from warmkey.keyrings.aws_kms_mrk_discovery import AwsKmsMrkDiscoveryKeyring  # noqa: PLC0415 - few decrypt so

    arns = [arn for arn in map(parse_kms_arn, keyrings) if arn is not None]
    asked = {region: clients(region) for region in ([only_region] if only_region else _regions(arns))}
    filters = {region: _filter(settings, client, region, arns) for region, client in asked.items()}
    allowed = [each for each in filters.values() if each is not None]
    named = [keyrings[str(arn)] for arn in arns if allowed and arn.is_key and not any(f.permits(arn) for f in allowed)]
    return named + [
        AwsKmsMrkDiscoveryKeyring(kms_client=client, region=region, discovery_filter=filters[region], emit=emit)
        for region, client in asked.items()
    ]


def _filter(settings: Settings, client: KmsClient, region: str, arns: Sequence[KmsArn]) -> DiscoveryFilter | None:
    if not settings.discovery_accounts:
        return None
    from warmkey.keyrings.aws_kms_discovery import DiscoveryFilter  # noqa: PLC0415 - as above

    return DiscoveryFilter(_partition_of(client, region, arns), settings.discovery_accounts)


def _partition_of(client: KmsClient, region: str, arns: Sequence[KmsArn]) -> str:
    """Return the partition that *client* is for: it says so itself, or else a configured key of its Region does.

    A table of ours would age: AWS adds partitions.
    """
    partition = getattr(getattr(client, "meta", None), "partition", None)
    if isinstance(partition, str) and partition:
        return partition
    nearest = sorted(arns, key=lambda arn: arn.region != region)
    if not nearest:
        raise ConfigurationError(
            "WARMKEY_DISCOVERY_ACCOUNTS needs to know the AWS partition, and neither kms_client (meta.partition) nor a "
            "key ARN says it: give kms_client meta.partition, or set WARMKEY_KMS_KEY_ARNS"
        )
    return nearest[0].partition


def _regions(arns: Sequence[KmsArn]) -> list[str]:
    """Return the Regions of the keys, this Region first, because it is the nearest."""
    regions = [region for region in dict.fromkeys([home_region(), *(arn.region for arn in arns)]) if region]
    if not regions:
        raise ConfigurationError("WARMKEY_KMS_MODE=discovery needs a Region to ask in: set AWS_REGION, as Lambda does")
    return regions


class _NothingToEncryptWith:
    """Refuse to encrypt, where no key to encrypt with is configured."""

    def on_encrypt(self, materials: EncryptionMaterials, /) -> NoReturn:
        """:raises ConfigurationError: always"""
        del materials
        raise ConfigurationError("WARMKEY_KMS_KEY_ARNS is missing, so there is no key to encrypt with")
