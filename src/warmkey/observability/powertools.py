"""Powertools for AWS Lambda, where it is installed; imported when there are metrics to write and not before.

Loggers. If the function has a Powertools logger, ours is that one: same keys, level, sampling, buffer and formatter.
If it has none we make none, because Powertools gives whoever comes second with a service's name the settings of the
first, and a function may still make its logger.

Metrics. Powertools' ``Metrics`` share their state between all instances, so ours are written through a provider of our
own (``EphemeralMetrics``), which shares nothing with anybody.
"""

from __future__ import annotations

import logging
import threading
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from warmkey.observability.metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MetricsWriter", "is_installed", "logger", "users_logger"]

_NAMESPACE = "warmkey"
# What one blob of CloudWatch's embedded metric format may hold.
_METRICS_PER_BLOB = 100
_VALUES_PER_METRIC = 100


@cache
def is_installed() -> bool:
    """Whether there is a Powertools to import."""
    return find_spec("aws_lambda_powertools") is not None


def users_logger(service: str | None) -> str | None:
    """The name of the function's own Powertools logger: the one of *service*, or the first that was made."""
    made = [
        name
        for name, known in list(logging.root.manager.loggerDict.items())
        if getattr(known, "powertools_handler", None) is not None
    ]
    return service if service in made else next(iter(made), None)


def logger(name: str) -> Any:  # noqa: ANN401 - Powertools may be missing
    """The function's Powertools logger *name*."""
    from aws_lambda_powertools.logging.logger import Logger  # noqa: PLC0415 - whoever has one has paid for it

    return Logger(service=name)


class MetricsWriter:
    """Prints metrics in CloudWatch's embedded format. Powertools' variables decide what is not given here.

    :param namespace: instead of ``POWERTOOLS_METRICS_NAMESPACE``
    :param service: instead of ``POWERTOOLS_SERVICE_NAME``
    :param function_name: a dimension
    """

    def __init__(self, *, namespace: str | None, service: str | None, function_name: str | None) -> None:
        self._namespace = namespace
        self._service = service
        self._function_name = function_name
        self._lock = threading.RLock()
        self._provider: Any = None

    def write(self, series: Mapping[str, list[float]]) -> None:
        """Print *series* in as many blobs as it takes."""
        with self._lock:
            if self._provider is None:
                self._provider = self._make_provider()
            for blob in _blobs(series):
                self._provider.metric_set = {
                    name: {"Unit": METRICS[name].unit, "StorageResolution": 60, "Value": values}
                    for name, values in blob.items()
                }
                self._provider.flush_metrics()

    def reset(self) -> None:
        """In a forked child: another thread may have held the lock."""
        self._lock = threading.RLock()

    def _make_provider(self) -> Any:  # noqa: ANN401 - as above
        dimensions = {"function_name": self._function_name} if self._function_name else None
        provider = _provider(namespace=self._namespace, service=self._service, default_dimensions=dimensions)
        provider.namespace = provider.namespace or _NAMESPACE
        return provider


def _provider(**arguments: Any) -> Any:  # noqa: ANN401 - as above
    from aws_lambda_powertools.metrics import EphemeralMetrics  # noqa: PLC0415 - see above

    return EphemeralMetrics(**arguments)


def _blobs(series: Mapping[str, list[float]]) -> Iterator[dict[str, list[float]]]:
    left = dict(series)
    while left:
        blob = {name: left.pop(name) for name in list(left)[:_METRICS_PER_BLOB]}
        yield {name: values[:_VALUES_PER_METRIC] for name, values in blob.items()}
        left |= {name: values[_VALUES_PER_METRIC:] for name, values in blob.items() if values[_VALUES_PER_METRIC:]}
