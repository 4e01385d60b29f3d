"""What the cache does, in logs and metrics: through Powertools for AWS Lambda, or the standard library without it."""

from warmkey.observability.counters import MessageStatistics
from warmkey.observability.invocations import instrument
from warmkey.observability.subscriber import Subscriber

__all__ = ["MessageStatistics", "Subscriber", "instrument"]
