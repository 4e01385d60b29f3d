"""What is to be published where and for whom; decided, checked and shown before anything is asked of AWS."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tools.publish_layer.zips import LayerFile

__all__ = ["Audience", "Impossible", "Plan", "Target", "make_plan"]

_RESERVED = ("aws", "ssm")  # Parameter Store keeps names that begin with these to itself


class Impossible(ValueError):
    """The command line asks for something that can't be done; the message says what would do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Who may use the layer besides the account that publishes it.

    :ivar statement: name of the statement in the layer version's policy
    :ivar principal: an account ID, or ``*``
    :ivar organization: the organisation that ``*`` is limited to; empty for everybody
    """

    statement: str
    principal: str
    organization: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One layer in one Region."""

    partition: str
    region: str
    layer: LayerFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All of it. SSM parameters are ``PREFIX/VARIANT/ARCHITECTURE/VERSION`` and ``.../latest``, or none."""

    targets: tuple[Target, ...]
    audiences: tuple[Audience, ...]
    prefix: str
    profiles: dict[str, str]

    def parameters(self, layer: LayerFile) -> tuple[str, ...]:
        """Return the names of the SSM parameters that get the ARN of *layer*; the one that others follow comes last."""
        if not self.prefix:
            return ()
        row = layer.manifest
        folder = f"{self.prefix}/{row['variant']}/{row['architecture']}"
        return f"{folder}/{row['version']}", f"{folder}/latest"

    def lines(self) -> list[str]:
        """Say what would be done."""
        said = []
        for target in self.targets:
            size = len(target.layer.content) / 1e6
            said.append(f"{target.partition} {target.region}: {target.layer.name}, {size:.1f} MB")
            said.append(f"  described as  {target.layer.description}")
            said += [f"  shared with   {_shown(audience)}" for audience in self.audiences]
            said += [f"  parameter     {name}" for name in self.parameters(target.layer)]
        return said


def _shown(audience: Audience) -> str:
    if audience.organization:
        return f"organisation {audience.organization}"
    return "everybody" if audience.principal == "*" else f"account {audience.principal}"


def make_plan(
    *,
    regions: Sequence[str],
    layers: Sequence[LayerFile],
    accounts: Sequence[str],
    organization: str,
    public: bool,
    prefix: str,
    profiles: dict[str, str],
    partition_of: Callable[[str], str],
) -> Plan:
    """Check what was asked for and return it as a plan.

    :param partition_of: the AWS partition of a Region, as botocore knows it
    :raises Impossible: see the message
    """
    if not regions:
        raise Impossible("name at least one Region: --region eu-west-1")
    partitions = {region: partition_of(region) for region in regions}
    _check_credentials(set(partitions.values()), profiles)
    _check_prefix(prefix)
    targets = [
        Target(partition=partitions[region], region=region, layer=layer) for region, layer in product(regions, layers)
    ]
    audiences = _audiences(accounts, organization, public=public)
    return Plan(targets=tuple(targets), audiences=audiences, prefix=prefix, profiles=profiles)


def _check_credentials(partitions: set[str], profiles: dict[str, str]) -> None:
    """Credentials work in one partition only, so a run over several needs a profile for each."""
    without = sorted(partitions - profiles.keys())
    if len(partitions) > 1 and without:
        needed = " ".join(f"--profile {partition}=NAME" for partition in without)
        raise Impossible(f"the Regions are in {len(partitions)} partitions, and credentials work in one: add {needed}")


def _check_prefix(prefix: str) -> None:
    if not prefix:
        return
    if not re.fullmatch(r"(/[A-Za-z0-9._-]+)+", prefix):
        raise Impossible(f"--ssm-prefix must be like /warmkey/layer, not {prefix!r}")
    if prefix.lower().lstrip("/").startswith(_RESERVED):
        raise Impossible(f"--ssm-prefix must not begin with /aws or /ssm, which AWS keeps to itself, not {prefix!r}")


def _audiences(accounts: Sequence[str], organization: str, *, public: bool) -> tuple[Audience, ...]:
    wrong = [account for account in accounts if not re.fullmatch(r"[0-9]{12}", account)]
    if wrong:
        hint = "; to share with everybody, say --public" if "*" in wrong else ""
        raise Impossible(f"--account must be 12 digits, not {wrong[0]!r}{hint}")
    if organization and not re.fullmatch(r"o-[a-z0-9]{10,32}", organization):
        raise Impossible(f"--organization must be like o-a1b2c3d4e5, not {organization!r}")
    if public and (accounts or organization):
        raise Impossible("--public shares with everybody: leave --account and --organization out")
    found = [Audience(statement=f"account-{account}", principal=account) for account in dict.fromkeys(accounts)]
    if organization:
        found.append(Audience(statement=f"organization-{organization}", principal="*", organization=organization))
    if public:
        found.append(Audience(statement="public", principal="*"))
    return tuple(found)
