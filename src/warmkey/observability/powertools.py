"""Use Powertools for AWS Lambda, where it is installed; imported when there are metrics to write and not before.

Loggers. If the function has a Powertools logger, ours is that one: same keys, level, sampling, buffer and formatter.
If it has none we make none, because Powertools gives whoever comes second with a service's name the settings of the
first, and a function may still make its logger.

Metrics. Powertools' ``Metrics`` share their state between all instances, so ours are written through a provider of our
own (``EphemeralMetrics``), which shares nothing with anybody.
"""

from __future__ import annotations

import json
import logging
import sys
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from warmkey.locks import new_lock
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
    """Return whether there is a Powertools to import."""
    return find_spec("aws_lambda_powertools") is not None


def users_logger(service: str | None) -> str | None:
    """Return the name of the function's own Powertools logger: the one of *service*, or the first that was made."""
    made = [
        name
        for name, known in list(logging.root.manager.loggerDict.items())
        if getattr(known, "powertools_handler", None) is not None
    ]
    return service if service in made else next(iter(made), None)


def logger(name: str) -> Any:  # noqa: ANN401 - Powertools may be missing
    """Return the function's Powertools logger *name*."""
    from aws_lambda_powertools.logging.logger import Logger  # noqa: PLC0415 - whoever has one has paid for it

    return Logger(service=name)


class MetricsWriter:
    """Write metrics in CloudWatch's embedded format. Powertools' variables decide what is not given here.

    :param namespace: instead of ``POWERTOOLS_METRICS_NAMESPACE``
    :param service: instead of ``POWERTOOLS_SERVICE_NAME``
    :param function_name: a dimension
    """

    def __init__(self, *, namespace: str | None, service: str | None, function_name: str | None) -> None:
        self._namespace = namespace
        self._service = service
        self._function_name = function_name
        self._lock = new_lock()  # a finalizer may come to write metrics while its thread is writing some
        self._provider: Any = None

    def write(self, series: Mapping[str, list[float]]) -> None:
        """Write *series* to standard output, in as many lines as it takes."""
        with self._lock:
            if self._provider is None:
                self._provider = self._make_provider()
            for blob in _blobs(series):
                self._provider.metric_set = {
                    name: {"Unit": METRICS[name].unit, "StorageResolution": 60, "Value": values}
                    for name, values in blob.items()
                }
                _write_line(self._provider)

    def reset(self) -> None:
        """Make the lock anew in a forked child: another thread may have held it."""
        self._lock = new_lock()

    def _make_provider(self) -> Any:  # noqa: ANN401 - as above
        dimensions = {"function_name": self._function_name} if self._function_name else None
        provider = _provider(namespace=self._namespace, service=self._service, default_dimensions=dimensions)
        provider.namespace = provider.namespace or _NAMESPACE
        return provider


def _write_line(provider: Any) -> None:  # noqa: ANN401 - as above
    """Write what *provider* holds. Its own method writes the end of the line apart, so lines of threads would mix."""
    if not _are_disabled():
        blob = provider.serialize_metric_set()
        sys.stdout.write(json.dumps(blob, separators=(",", ":")) + "\n")
        sys.stdout.flush()
    provider.clear_metrics()


def _are_disabled() -> bool:
    try:
        from aws_lambda_powertools.metrics.functions import is_metrics_disabled  # noqa: PLC0415 - see above
    except ImportError:  # a version that can't disable them
        return False
    return is_metrics_disabled()


def _provider(**arguments: Any) -> Any:  # noqa: ANN401 - as above
    from aws_lambda_powertools.metrics import EphemeralMetrics  # noqa: PLC0415 - see above

    return EphemeralMetrics(**arguments)


def _blobs(series: Mapping[str, list[float]]) -> Iterator[dict[str, list[float]]]:
    left = dict(series)
    while left:
        blob = {name: left.pop(name) for name in list(left)[:_METRICS_PER_BLOB]}
        yield {name: values[:_VALUES_PER_METRIC] for name, values in blob.items()}
        left |= {name: values[_VALUES_PER_METRIC:] for name, values in blob.items() if values[_VALUES_PER_METRIC:]}
