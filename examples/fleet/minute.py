"""Play the first minute of a fleet, second by second on a clock of its own, against one server that counts."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from examples.demo.kms_server import request_counts
from examples.fleet.designs import DESIGNS

if TYPE_CHECKING:
    from collections import Counter

    from examples.fleet.designs import Servers
    from warmkey.testing import SettableClock

__all__ = ["MINUTE", "Measurement", "play"]

MINUTE = 60
_SEED = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What one fleet asked in its first minute."""

    design: str
    containers: int
    tenants: int
    messages: int
    kms: int
    dynamodb: int


def play(
    design: str, *, containers: int, tenants: list[str], servers: Servers, clock: SettableClock, url: str
) -> Measurement:
    """Start *containers* evenly over the minute; each then serves a request per second, for a tenant at random.

    A request writes a message, and reads one that any container has written for that tenant.
    """
    chance = random.Random(_SEED)
    starts = [MINUTE * (2 * number + 1) // (2 * containers) for number in range(containers)]
    running = [DESIGNS[design](servers) for _ in starts]
    written: dict[str, list[bytes]] = {tenant: [] for tenant in tenants}
    before, messages = request_counts(url), 0
    for second in range(MINUTE):
        for container in [container for container, start in zip(running, starts, strict=True) if start <= second]:
            tenant = chance.choice(tenants)
            written[tenant].append(container.write(tenant))
            container.read(chance.choice(written[tenant]), tenant)
            messages += 2
        clock.tick(1)
    asked = request_counts(url) - before
    return Measurement(
        design=design,
        containers=containers,
        tenants=len(tenants),
        messages=messages,
        kms=_sum(asked, "GenerateDataKey", "Decrypt"),
        dynamodb=_sum(asked, "GetItem"),
    )


def _sum(asked: Counter[str], *operations: str) -> int:
    return sum(asked[operation] for operation in operations)
