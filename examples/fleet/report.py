"""Print what was measured, what it would be on paper, and what that means for a large fleet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.fleet import model
from examples.fleet.designs import DESIGNS
from examples.fleet.minute import MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from examples.fleet.minute import Measurement

__all__ = ["extrapolation", "measured"]

_LARGE = 10_000
_MANY = 1_000
_HALF = 0.5


def measured(rows: Iterable[Measurement]) -> str:
    """Return a line for each fleet; *on paper* is what the model expects of KMS."""
    heading = ("first minute", "containers", "tenants", "KMS/s", "on paper", "DynamoDB/s", "KMS per", "DynamoDB per")
    units = ("", "", "", "", "", "", "10⁶ messages", "10⁶ messages")
    lines = [
        (
            row.design,
            f"{row.containers:,}",
            f"{row.tenants:,}",
            f"{row.kms / MINUTE:,.2f}",
            f"{model.first_minute(model.Fleet(row.design, row.containers, row.tenants)).kms:,.2f}",
            f"{row.dynamodb / MINUTE:,.2f}",
            f"{row.kms / row.messages * 1e6:,.0f}",
            f"{row.dynamodb / row.messages * 1e6:,.0f}",
        )
        for row in rows
    ]
    return _aligned([heading, units, *lines])


def extrapolation() -> str:
    """Return what 10,000 containers would ask, beside the quotas, and where branch keys stop paying."""
    heading = ("10,000 containers, on paper", "tenants", "KMS/s", "DynamoDB/s", "units/s, partition", "KMS reaches")
    lines = []
    for tenants in (1, _MANY):
        for design in DESIGNS:
            lines.append(_line("first minute", design, model.Fleet(design, _LARGE, tenants)))
            lifetimes = (300, 3600) if design != "data key cache" else (3600,)
            lines += [
                _line(_steady(design, ttl), design, model.Fleet(design, _LARGE, tenants, ttl_seconds=ttl))
                for ttl in lifetimes
            ]
    quotas = model.QUOTAS
    half = model.most_tenants(_HALF, containers=_LARGE)
    few, many = (model.most_containers(quotas.kms_least, tenants=tenants) for tenants in (1, _MANY))
    published = (
        f"Quotas: KMS {quotas.kms_least:,} to {quotas.kms_most:,} requests/s by Region; DynamoDB "
        f"{quotas.partition_units:,} read units/s for a partition, in which all items of one branch key are; Lambda "
        f"{quotas.environments_in_ten_seconds:,} new environments in 10 s for a function."
    )
    pays = (
        f"A data key cache stays within the smallest quota of KMS up to {few:,} containers with one tenant, {many:,} "
        f"with {_MANY:,}. With an hour's TTL, branch keys need no more than half as many requests, DynamoDB's among "
        f"them, up to {half:,} tenants that every container serves. Above that they save less and less: each tenant's "
        "next request comes when its branch key has expired."
    )
    assumptions = " ".join(str(model.__doc__).partition("Assumptions. ")[2].split())
    return "\n\n".join([_aligned([heading, *lines]), published, pays, assumptions])


def _steady(design: str, ttl: float) -> str:
    return "steady, 300 s" if design == "data key cache" else f"steady, TTL {ttl:,.0f} s"


def _line(phase: str, design: str, fleet: model.Fleet) -> tuple[str, ...]:
    rates = model.first_minute(fleet) if phase == "first minute" else model.steady(fleet)
    units = f"{rates.units_of_a_partition(fleet.tenants):,.1f}" if rates.dynamodb else "–"
    dynamodb = f"{rates.dynamodb:,.0f}" if rates.dynamodb else "–"
    return (f"{design}: {phase}", f"{fleet.tenants:,}", f"{rates.kms:,.0f}", dynamodb, units, rates.reaches)


def _aligned(lines: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
