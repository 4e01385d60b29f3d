"""Write limits as the environment variables that set them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from warmkey.lambda_runtime.settings import PREFIX

if TYPE_CHECKING:
    from warmkey.plan.limits import Limits

__all__ = ["variables"]


def variables(strategy: str, limits: Limits) -> dict[str, str]:
    """Return names and values; *strategy* says which limits have an effect."""
    if strategy == "hierarchical":
        found: dict[str, float] = {"branch_key_ttl_seconds": limits.branch_key_ttl}
    else:
        found = {
            "max_age_seconds": limits.max_age,
            "max_messages_encrypted": limits.max_messages,
            "max_bytes_encrypted": limits.max_bytes,
        }
    found |= {"max_age_jitter": limits.jitter, "cache_capacity": limits.capacity}
    return {PREFIX + name.upper(): _digits(value) for name, value in found.items()}


def _digits(value: float) -> str:
    """Return *value* as a setting takes it: in digits, however small it is."""
    return str(int(value)) if float(value).is_integer() else f"{Decimal(repr(value)):f}"
