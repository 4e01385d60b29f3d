"""Say which KMS keys the settings use for what, as the resources of a policy.

The same choice as :mod:`warmkey.lambda_runtime.kms_keys` makes of the settings, which asks with these keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from warmkey.exceptions import ConfigurationError
from warmkey.keyrings.aws_kms_key_arn import parse_kms_arn
from warmkey.policy.statements import NO_CONDITION, Conditions, equals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from warmkey.lambda_runtime.settings import Settings

__all__ = [
    "Place",
    "decrypt_keys",
    "discovered_keys",
    "encrypt_keys",
    "encryption_identifiers",
    "required_keys",
    "with_replicas",
]

_REQUEST_ALIAS = "kms:RequestAlias"


class Place(NamedTuple):
    """Says where a function runs, as far as its settings don't.

    :ivar region: of the function: for aliases, key IDs, the table and discovery
    :ivar account: of the function; that of the first KMS key if nobody says another
    :ivar replica_regions: further Regions that the role is used in, with replicas of its multi-Region keys
    """

    region: str | None
    account: str | None
    partition: str
    replica_regions: tuple[str, ...] = ()

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of *resource* here.

        :raises ConfigurationError: the Region or the account is not known
        """
        for name, option in (("region", "Region"), ("account", "account")):
            if not getattr(self, name):
                raise ConfigurationError(f"the {option} of {resource} is not known: give --{name}")
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


def encrypt_keys(settings: Settings, place: Place) -> tuple[tuple[str, tuple[str, ...], Conditions], ...]:
    """Return the action, the resources and the condition of each key that data keys are made or wrapped with."""
    first, *others = encryption_identifiers(settings) or ("",)
    if not first:
        return ()
    named = {"kms:GenerateDataKey": [first], "kms:Encrypt": others}
    found: dict[tuple[str, str], list[str]] = {}
    for action, identifiers in named.items():
        for identifier in identifiers:
            found.setdefault((action, _alias_of(identifier)), []).extend(_resources(identifier, place))
    return tuple(
        (action, tuple(dict.fromkeys(resources)), equals(_REQUEST_ALIAS, [alias]) if alias else NO_CONDITION)
        for (action, alias), resources in found.items()
    )


def encryption_identifiers(settings: Settings) -> tuple[str, ...]:
    """Return the keys that data keys are made and wrapped with; none where branch keys do that."""
    if settings.branch_key_store_table is not None and settings.branch_key_encrypt:
        return ()
    return settings.kms_key_arns


def required_keys(settings: Settings) -> tuple[str, ...]:
    """Return the encryption context keys that every message has: those required, and that of Lambda's tenant."""
    tenant = settings.tenant_context_key
    return tuple(dict.fromkeys([*settings.required_context_keys, *([tenant] if tenant is not None else [])]))


def decrypt_keys(settings: Settings, place: Place) -> tuple[str, ...]:
    """Return the resources of the keys that data keys may be decrypted with."""
    identifiers = dict.fromkeys([*settings.kms_key_arns, *settings.decrypt_key_arns])
    named = [arn for arn in map(parse_kms_arn, identifiers) if arn is not None and arn.is_key]
    if not settings.kms_mode.discovers:
        return with_replicas(map(str, named), place)
    regions = dict.fromkeys([place.region, *(arn.region for arn in map(parse_kms_arn, identifiers) if arn is not None)])
    regions |= dict.fromkeys(place.replica_regions)
    if not any(regions):
        raise ConfigurationError("the Region that the function asks for keys in is not known: give --region")
    accounts = settings.discovery_accounts
    others = (str(arn) for arn in named if accounts and arn.account not in accounts)
    return (*discovered_keys(settings, place, filter(None, regions)), *others)


def discovered_keys(settings: Settings, place: Place, regions: Iterable[str]) -> tuple[str, ...]:
    """Return the resources that stand for every key in *regions* that discovery permits."""
    accounts = settings.discovery_accounts or ("*",)
    return tuple(f"arn:{place.partition}:kms:{region}:{account}:key/*" for region in regions for account in accounts)


def with_replicas(arns: Iterable[str], place: Place) -> tuple[str, ...]:
    """Return *arns* and, of the multi-Region keys among them, the replicas in the further Regions."""
    found: dict[str, None] = {}
    for text in arns:
        found[text] = None
        arn = parse_kms_arn(text)
        if arn is not None and arn.is_multi_region:
            found |= dict.fromkeys(str(arn._replace(region=region)) for region in place.replica_regions)
    return tuple(found)


def _resources(identifier: str, place: Place) -> tuple[str, ...]:
    """Return what a policy says for a key: its ARN, or for an alias every key that it could stand for."""
    arn = parse_kms_arn(identifier)
    if arn is not None and arn.is_key:
        return with_replicas([identifier], place)
    if arn is not None:
        return (str(arn._replace(resource_type="key", resource_id="*")),)
    return (place.arn("kms", "key/*" if _alias_of(identifier) else f"key/{identifier}"),)


def _alias_of(identifier: str) -> str:
    """Return ``alias/NAME`` if *identifier* names an alias, and an empty text if it names a key."""
    return identifier[identifier.index("alias/") :] if "alias/" in identifier else ""
