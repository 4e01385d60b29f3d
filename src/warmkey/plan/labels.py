"""Name what reports show: strategies, and encryption contexts.

Contexts are numbered unless the user asks for their labels, which may be names of tenants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from warmkey.plan.trace import Trace
    from warmkey.plan.traffic import Traffic

__all__ = ["ITEMS", "STRATEGIES", "busiest_contexts"]

STRATEGIES = {"caching": "caching CMM", "hierarchical": "hierarchical keyring"}
# Of a bill, besides the total.
ITEMS = {"kms": "KMS", "dynamodb": "DynamoDB", "metrics": "our metrics", "logs": "our log lines"}
_SHOWN = 10


def busiest_contexts(traffic: Traffic, *, show_contexts: bool) -> list[tuple[str, int]]:
    """Return the contexts with most messages, and how many; rates have none."""
    trace = traffic.trace
    if trace is None or not trace.context_labels:
        return []
    messages = np.bincount(trace.contexts)
    order = np.argsort(-messages, kind="stable")[:_SHOWN].tolist()
    return [(_name(trace, number, show_contexts=show_contexts), int(messages[number])) for number in order]


def _name(trace: Trace, number: int, *, show_contexts: bool) -> str:
    """Return the label, or else a number in the order in which contexts are first met."""
    return trace.context_labels[number] if show_contexts else f"context {number + 1}"
