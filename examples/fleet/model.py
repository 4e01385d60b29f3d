"""The same on paper, for fleets of any size, beside the published quotas.

Assumptions. Each container serves a request per second, for one of its tenants, all equally likely. A request writes a
message and then reads one that any container wrote for that tenant. Caches are large enough, and data keys end with
their age, not with their messages. Containers of the first minute start evenly over it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["QUOTAS", "Fleet", "Rates", "first_minute", "most_containers", "most_tenants", "steady"]

_MINUTE = 60
# A read of one small item that may be a moment old.
_UNITS_OF_A_READ = 0.5


class _Quotas(NamedTuple):
    kms_least: int = 10_000
    kms_most: int = 100_000
    partition_units: int = 3_000
    environments_in_ten_seconds: int = 1_000


# As published: KMS's requests per second depend on the Region; a partition has all items of one branch key.
QUOTAS = _Quotas()


class Fleet(NamedTuple):
    """A design and its size.

    :ivar tenants: in each container, and in all: every container serves all of them
    """

    design: str
    containers: int
    tenants: int
    max_age_seconds: float = 300
    ttl_seconds: float = 3600


class Rates(NamedTuple):
    """Requests per second of the whole fleet."""

    kms: float
    dynamodb: float

    def units_of_a_partition(self, tenants: int) -> float:
        """Read units per second that one branch key's partition serves."""
        return self.dynamodb * _UNITS_OF_A_READ / tenants

    @property
    def reaches(self) -> str:
        """Say which quota of KMS this reaches."""
        if self.kms < QUOTAS.kms_least:
            return "no quota"
        return "quota of some Regions" if self.kms < QUOTAS.kms_most else "quota of every Region"


def first_minute(fleet: Fleet) -> Rates:
    """While containers start: each asks for what it has not asked for yet."""
    ages = range(1, _MINUTE + 1)

    def asked(choices: Callable[[int], float]) -> float:
        return fleet.containers * sum(_distinct(choices(age), age) for age in ages) / _MINUTE / _MINUTE

    tenants = asked(lambda _age: fleet.tenants)
    if fleet.design == "data key cache":
        # Of the others, a part had started in the middle of the container's own time.
        return Rates(tenants + asked(lambda age: max(1, _data_keys(fleet) * (1 - age / _MINUTE / 2))), 0)
    return Rates(tenants, tenants)


def steady(fleet: Fleet) -> Rates:
    """In the hours after it: each asks for what it has, as often as that expires and is needed again."""
    if fleet.design == "data key cache":
        age = fleet.max_age_seconds
        return Rates(
            fleet.containers * (_renewals(fleet.tenants, age) + _renewals(_data_keys(fleet), age)),
            0,
        )
    rate = fleet.containers * _renewals(fleet.tenants, fleet.ttl_seconds)
    return Rates(rate, rate)


def most_tenants(share: float, *, containers: int) -> int:
    """Return up to how many tenants branch keys need at most *share* of a data key cache's requests, all told."""

    def pays(tenants: int) -> bool:
        ours, cached = (steady(Fleet(design, containers, tenants)) for design in ("branch keys", "data key cache"))
        return ours.kms + ours.dynamodb <= share * cached.kms

    return _most(pays)


def most_containers(kms: float, *, tenants: int) -> int:
    """Return how many containers with a data key cache ask KMS at most *kms* times per second."""
    return _most(lambda containers: steady(Fleet("data key cache", containers, tenants)).kms <= kms)


def _most(holds: Callable[[int], bool]) -> int:
    """Return the largest number for which *holds*, which holds for all smaller ones, too."""
    low, high = 0, 10**9
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def _data_keys(fleet: Fleet) -> float:
    """Of all messages that a container may read: one for each other container and tenant."""
    return fleet.containers * fleet.tenants


def _distinct(choices: float, draws: int) -> float:
    """How many different ones are expected among *draws* of *choices*."""
    return choices * float(1 - (1 - 1 / choices) ** draws)


def _renewals(choices: float, lifetime: float) -> float:
    """Per second, if each is needed again *choices* seconds after it expired, on average."""
    return choices / (lifetime + choices)
