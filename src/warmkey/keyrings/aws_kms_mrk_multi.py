"""Build multi-keyrings over several AWS KMS keys or Regions, with support for multi-Region keys.

Source: framework/aws-kms/aws-kms-mrk-multi-keyrings.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.events import ignore
from warmkey.keyrings.aws_kms_mrk import AwsKmsMrkKeyring
from warmkey.keyrings.aws_kms_mrk_are_unique import check_multi_region_keys_are_unique
from warmkey.keyrings.aws_kms_mrk_discovery import AwsKmsMrkDiscoveryKeyring
from warmkey.keyrings.aws_kms_multi import checked_regions, of_keys
from warmkey.keyrings.multi import MultiKeyring
from warmkey.tracebacks import scrubbed
from warmkey.validation import require_method, text, texts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from warmkey.events import Emit
    from warmkey.keyrings.aws_kms_discovery import DiscoveryFilter
    from warmkey.keyrings.aws_kms_multi import ClientSupplier

__all__ = ["aws_kms_mrk_discovery_multi_keyring", "aws_kms_mrk_multi_keyring"]


@scrubbed
def aws_kms_mrk_multi_keyring(
    *,
    client_supplier: ClientSupplier,
    generator: str | None = None,
    children: Iterable[str] = (),
    grant_tokens: Iterable[str] = (),
    emit: Emit = ignore,
) -> MultiKeyring:
    """Build a multi-keyring of :class:`AwsKmsMrkKeyring`: it encrypts under all of its keys and decrypts under any.

    :param client_supplier: called once for each Region
    :param generator: ARN of the key that generates
    :param children: ARNs of the keys that wrap the same data key too
    :raises ConfigurationError: an argument can't be used, or two identifiers name the same multi-Region key

    Source: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-multi-keyring
    """
    generators = () if generator is None else (text("generator", generator),)
    children = texts("children", children, ordered=True)
    # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-multi-keyring 5637
    check_multi_region_keys_are_unique((*generators, *children))
    # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-multi-keyring 1581 a76b
    return of_keys(
        AwsKmsMrkKeyring,
        client_supplier=client_supplier,
        generator=generator,
        children=children,
        grant_tokens=texts("grant_tokens", grant_tokens),
        emit=emit,
    )


@scrubbed
def aws_kms_mrk_discovery_multi_keyring(
    *,
    regions: Iterable[str],
    client_supplier: ClientSupplier,
    discovery_filter: DiscoveryFilter | None = None,
    grant_tokens: Iterable[str] = (),
    emit: Emit = ignore,
) -> MultiKeyring:
    """Build a multi-keyring of one :class:`AwsKmsMrkDiscoveryKeyring` per Region, asked in this order.

    :param client_supplier: called once for each Region
    :raises ConfigurationError: an argument can't be used

    Source: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-discovery-multi-keyring
    """
    require_method("client_supplier", client_supplier, "__call__")
    grant_tokens = texts("grant_tokens", grant_tokens)
    # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-discovery-multi-keyring 706a a76b
    return MultiKeyring(
        # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-discovery-multi-keyring 79f0 ef3d
        children=[
            AwsKmsMrkDiscoveryKeyring(
                # spec: framework/aws-kms/aws-kms-mrk-multi-keyrings.md#aws-kms-mrk-discovery-multi-keyring 3bbf
                kms_client=client_supplier(region),
                region=region,
                discovery_filter=discovery_filter,
                grant_tokens=grant_tokens,
                emit=emit,
            )
            for region in checked_regions(regions)
        ]
    )
