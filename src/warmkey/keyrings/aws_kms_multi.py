"""Build multi-keyrings over several AWS KMS keys or Regions.

Source: framework/aws-kms/aws-kms-multi-keyrings.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from warmkey.events import ignore
from warmkey.exceptions import ConfigurationError
from warmkey.keyrings.aws_kms import AwsKmsKeyring
from warmkey.keyrings.aws_kms_discovery import AwsKmsDiscoveryKeyring
from warmkey.keyrings.aws_kms_key_arn import check_kms_identifier, region_of
from warmkey.keyrings.multi import MultiKeyring
from warmkey.tracebacks import scrubbed
from warmkey.validation import kind_of, require_method, text, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from warmkey.events import Emit
    from warmkey.keyrings.aws_kms_discovery import DiscoveryFilter
    from warmkey.keyrings.kms_requests import KmsClient

__all__ = [
    "ClientSupplier",
    "aws_kms_discovery_multi_keyring",
    "aws_kms_multi_keyring",
    "checked_regions",
    "of_keys",
]

# From a Region to a client for it: ``lambda region: boto3.client("kms", region_name=region)``.
ClientSupplier: TypeAlias = "Callable[[str], KmsClient]"


@scrubbed
def aws_kms_multi_keyring(
    *,
    client_supplier: ClientSupplier,
    generator: str | None = None,
    children: Iterable[str] = (),
    grant_tokens: Iterable[str] = (),
    emit: Emit = ignore,
) -> MultiKeyring:
    """Build a multi-keyring of :class:`AwsKmsKeyring`: it encrypts under all of its keys and decrypts under any.

    :param client_supplier: called once for each Region
    :param generator: ARN of the key that generates
    :param children: ARNs of the keys that wrap the same data key too
    :raises ConfigurationError: an argument can't be used

    Source: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-multi-keyring
    """
    # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-multi-keyring 6839 1390
    return of_keys(
        AwsKmsKeyring,
        client_supplier=client_supplier,
        generator=generator,
        children=texts("children", children, ordered=True),
        grant_tokens=texts("grant_tokens", grant_tokens),
        emit=emit,
    )


@scrubbed
def aws_kms_discovery_multi_keyring(
    *,
    regions: Iterable[str],
    client_supplier: ClientSupplier,
    discovery_filter: DiscoveryFilter | None = None,
    grant_tokens: Iterable[str] = (),
    emit: Emit = ignore,
) -> MultiKeyring:
    """Build a multi-keyring of one :class:`AwsKmsDiscoveryKeyring` per Region, asked in this order.

    :param client_supplier: called once for each Region
    :raises ConfigurationError: an argument can't be used

    Source: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-discovery-multi-keyring
    """
    require_method("client_supplier", client_supplier, "__call__")
    grant_tokens = texts("grant_tokens", grant_tokens)
    # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-discovery-multi-keyring 706a a76b
    return MultiKeyring(
        # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-discovery-multi-keyring eec8 ef3d
        children=[
            AwsKmsDiscoveryKeyring(
                # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-discovery-multi-keyring 3bbf
                kms_client=client_supplier(region),
                discovery_filter=discovery_filter,
                grant_tokens=grant_tokens,
                emit=emit,
            )
            for region in checked_regions(regions)
        ]
    )


def of_keys(
    kind: type[AwsKmsKeyring],
    *,
    client_supplier: ClientSupplier,
    generator: str | None,
    children: tuple[str, ...],
    grant_tokens: tuple[str, ...],
    emit: Emit,
) -> MultiKeyring:
    """Build a multi-keyring with a keyring of *kind* for each key.

    :raises ConfigurationError: an identifier is not an ARN, so nothing says in which Region the key is
    """
    require_method("client_supplier", client_supplier, "__call__")
    if generator is not None:
        text("generator", generator)
    clients: dict[str, KmsClient] = {}

    def keyring(arn: str) -> AwsKmsKeyring:
        region = region_of(check_kms_identifier(arn, "the key"))
        # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-multi-keyring 5637
        # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-multi-keyring c829
        # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-multi-keyring 6316
        # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-multi-keyring 6316
        if region is None:
            problem = f"each key must be an ARN, which says its Region; {kind_of(arn)} is not a valid AWS KMS ARN"
            raise ConfigurationError(problem)
        if region not in clients:
            # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-multi-keyring 6457 2924
            # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-multi-keyring 6457 2924
            clients[region] = client_supplier(region)
        # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-multi-keyring ca7d f685
        # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-multi-keyring 47fe fb0a
        return kind(arn, kms_client=clients[region], grant_tokens=grant_tokens, emit=emit)

    return MultiKeyring(
        # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-multi-keyring 26f0
        # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-multi-keyring 26f0
        generator=None if generator is None else keyring(generator),
        children=[keyring(arn) for arn in children],
    )


def checked_regions(regions: Iterable[str]) -> tuple[str, ...]:
    """Return *regions* without duplicates.

    :raises ConfigurationError: there is none, or one is empty or not a str
    """
    # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-discovery-multi-keyring 672c
    # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-discovery-multi-keyring 672c
    checked = tuple(dict.fromkeys(texts("regions", regions, ordered=True)))
    # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-discovery-multi-keyring 106c
    # spec: framework/aws-kms/aws-kms-multi-keyrings.md#aws-kms-discovery-multi-keyring 106c
    if not checked:
        raise ConfigurationError("regions must have at least one Region")
    return checked
