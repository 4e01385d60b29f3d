"""A stand-in for KMS with the keys that a manifest names, for cases that encrypt and decrypt here."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from warmkey.testing import FakeKms, FakeKmsWorld
from warmkey.testing.materials import SymmetricMaterial
from warmkey.testing.world import FakeKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.official_vectors.cases import Json

__all__ = ["stand_in"]


def stand_in(manifest: Json) -> Callable[[str], FakeKms]:
    """Return a function from a Region to a client, which knows the symmetric KMS keys of *manifest* by their ARN."""
    listed = [key for key in manifest["keys"].values() if key["type"] == "aws-kms"]
    accounts = [key["key-id"].split(":")[4] for key in listed]
    world = FakeKmsWorld(account=accounts[0]) if accounts else FakeKmsWorld()

    @cache
    def client(region: str) -> FakeKms:
        return FakeKms(region, world=world)

    materials: dict[str, SymmetricMaterial] = {}
    for key in listed:
        _, _, _, region, _, resource = key["key-id"].split(":")
        material = materials.setdefault(resource, SymmetricMaterial())  # replicas share theirs
        kms = client(region)
        arn = _added(kms, key["key-id"], material)
        if not key["decrypt"]:
            kms.deny("Decrypt", arn)
    return client


def _added(kms: FakeKms, named: str, material: SymmetricMaterial) -> str:
    """Make the key that *named*, a key ARN or an alias ARN, stands for, and return its key ARN."""
    alias = named.partition(":alias/")[2]
    arn = named.replace(f":alias/{alias}", f":key/{alias}") if alias else named
    world = kms.world
    made = world.create_key("SYMMETRIC_DEFAULT", usage=None, multi_region=False, region=arn.split(":")[3], account=None)
    key = FakeKey(arn=arn, spec=made.spec, usage=made.usage, material=material)
    world._keys[arn] = key  # noqa: SLF001 - the test kit gives keys ARNs of its own
    if alias:
        world.point_alias(f"alias/{alias}", key)
    return arn
