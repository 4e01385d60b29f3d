"""botocore must not log what passes between us and KMS."""

from __future__ import annotations

import base64
import contextvars
import logging
from typing import TYPE_CHECKING, Any

import boto3
import botocore.endpoint
import botocore.parsers
import pytest
from moto import mock_aws

import warmkey
from warmkey.keyrings.kms_requests import KmsRequests
from warmkey.keyrings.log_redaction import without_debug_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONTEXT = {"tenant": "the value of a context"}


class Witness:
    """A boto3 KMS client that remembers the data keys that pass through it."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.meta = client.meta
        self.data_keys: set[bytes] = set()

    def __getattr__(self, name: str) -> Any:
        def send(**parameters: Any) -> Any:
            response = getattr(self._client, name)(**parameters)
            self.data_keys |= {both["Plaintext"] for both in (parameters, response) if "Plaintext" in both}
            return response

        return send


@pytest.fixture
def kms() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("kms", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")


def test_debug_logging_shows_neither_data_keys_nor_context_values(kms: Any, caplog: pytest.LogCaptureFixture) -> None:
    """GenerateDataKey, Encrypt under a second key, and Decrypt; botocore logs them all in full."""
    arns = [kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2)]
    witness = Witness(kms)
    keyring = warmkey.MultiKeyring(*_split(warmkey.AwsKmsKeyring(arn, kms_client=witness) for arn in arns))
    client = warmkey.Client()

    with caplog.at_level(logging.DEBUG):
        message = client.encrypt(b"secret", keyring=keyring, encryption_context=CONTEXT).ciphertext
        client.decrypt(message, keyring=keyring, encryption_context=CONTEXT)

    assert len(witness.data_keys) == 1
    (data_key,) = witness.data_keys
    for secret in (base64.b64encode(data_key).decode(), repr(data_key), CONTEXT["tenant"]):
        assert secret not in caplog.text


def test_what_others_ask_of_aws_is_logged_as_ever(kms: Any, caplog: pytest.LogCaptureFixture) -> None:
    without_debug_lines().run(kms.list_keys)
    with caplog.at_level(logging.DEBUG):
        kms.create_key(Description="a description")

    assert "a description" in caplog.text


def test_warnings_of_botocore_and_lines_of_others_pass(caplog: pytest.LogCaptureFixture) -> None:
    def speak() -> None:
        logging.getLogger("botocore.test_redaction").debug("a body")
        logging.getLogger("botocore.test_redaction").warning("a warning")
        logging.getLogger("orders").debug("a line of the function")

    with caplog.at_level(logging.DEBUG):
        without_debug_lines().run(speak)

    assert [record.message for record in caplog.records] == ["a warning", "a line of the function"]


class Collector(logging.Handler):
    """Keeps every line that reaches it, formatted, whatever its level."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A handler for tests to put anywhere; afterwards botocore's loggers and the record factory are as before."""
    loggers, factory = dict(logging.root.manager.loggerDict), logging.getLogRecordFactory()
    parsers, endpoint = botocore.parsers.LOG, botocore.endpoint.logger
    handler = Collector()
    yield handler
    botocore.parsers.LOG, botocore.endpoint.logger = parsers, endpoint
    logging.root.manager.loggerDict.clear()
    logging.root.manager.loggerDict.update(loggers)
    logging.setLogRecordFactory(factory)
    for logger in (logging.root, *(logger for logger in loggers.values() if isinstance(logger, logging.Logger))):
        if handler in logger.handlers:
            logger.removeHandler(handler)
            logger.setLevel(logging.WARNING if logger is logging.root else logging.NOTSET)


def listen(logger: logging.Logger, handler: logging.Handler) -> None:
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)


def set_stream_logger(handler: Collector) -> None:
    """As ``boto3.set_stream_logger("botocore")`` does, after our first use."""
    listen(logging.getLogger("botocore"), handler)


def forget_all_loggers(handler: Collector) -> None:
    """New objects under the old names, as test suites make them."""
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("botocore")]:
        del logging.root.manager.loggerDict[name]
    botocore.parsers.LOG = logging.getLogger("botocore.parsers")
    botocore.endpoint.logger = logging.getLogger("botocore.endpoint")
    listen(logging.getLogger("botocore"), handler)


def replace_by_loggers_of_another_name(handler: Collector) -> None:
    for name in ("parsers", "endpoint"):
        logger = logging.Logger(f"mine.{name}")  # noqa: LOG001 - in no dictionary
        listen(logger, handler)
        setattr(getattr(botocore, name), "LOG" if name == "parsers" else "logger", logger)


def drop_filters(handler: Collector) -> None:
    """As ``logging.config.dictConfig`` may."""
    for name in ("botocore", "botocore.parsers", "botocore.endpoint"):
        logging.getLogger(name).filters.clear()
    listen(logging.getLogger("botocore"), handler)


def use_another_record_factory(handler: Collector) -> None:
    logging.setLogRecordFactory(logging.LogRecord)
    listen(logging.getLogger("botocore"), handler)


def use_a_factory_that_calls_no_other(handler: Collector) -> None:
    def make(*args: Any, **kwargs: Any) -> logging.LogRecord:
        return logging.LogRecord(*args, **kwargs)

    logging.setLogRecordFactory(make)
    listen(logging.getLogger("botocore"), handler)


def wrap_the_record_factory(handler: Collector) -> None:
    factory = logging.getLogRecordFactory()

    def with_a_field(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = factory(*args, **kwargs)
        record.service = "orders"
        return record

    logging.setLogRecordFactory(with_a_field)
    listen(logging.getLogger("botocore"), handler)


@pytest.mark.parametrize(
    "change",
    [
        set_stream_logger,
        forget_all_loggers,
        replace_by_loggers_of_another_name,
        drop_filters,
        use_another_record_factory,
        use_a_factory_that_calls_no_other,
        wrap_the_record_factory,
    ],
)
def test_whatever_becomes_of_botocores_loggers_after_our_first_use(
    change: Callable[[Collector], None], kms: Any, collector: Collector
) -> None:
    witness = Witness(kms)
    keyring = warmkey.AwsKmsKeyring(kms.create_key()["KeyMetadata"]["Arn"], kms_client=witness)
    client = warmkey.Client()
    client.encrypt(b"first", keyring=keyring)
    change(collector)
    message = client.encrypt(b"secret", keyring=keyring, encryption_context=CONTEXT).ciphertext
    client.decrypt(message, keyring=keyring, encryption_context=CONTEXT)
    said = "\n".join(collector.lines)

    assert len(witness.data_keys) == 2
    for secret in (*(base64.b64encode(key).decode() for key in witness.data_keys), CONTEXT["tenant"]):
        assert secret not in said
    kms.create_key(Description="a description")
    assert "a description" in "\n".join(collector.lines)


def test_a_logger_that_botocore_makes_during_the_request_is_no_exception(caplog: pytest.LogCaptureFixture) -> None:
    name = "botocore.made_during_the_request"
    with caplog.at_level(logging.DEBUG):
        without_debug_lines().run(lambda: logging.getLogger(name).debug("a body"))

    assert caplog.records == []


def test_an_interrupted_request_leaves_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    """Wherever the interruption comes: the state is in a context of the request's own."""

    def interrupted() -> None:
        raise KeyboardInterrupt

    class Client:
        decrypt = staticmethod(lambda **_: interrupted())

    requests = KmsRequests(Client(), keyring="K")
    with caplog.at_level(logging.DEBUG), pytest.raises(KeyboardInterrupt):
        requests("Decrypt", key="k")
    before = contextvars.copy_context()
    unused = without_debug_lines()  # as if the interruption came before the request was made
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("botocore.test_redaction").debug("a line of the function's own request")

    assert [record.message for record in caplog.records] == ["a line of the function's own request"]
    assert contextvars.copy_context() == before
    assert unused


def _split(keyrings: Iterator[Any]) -> tuple[Any, list[Any]]:
    generator, *children = keyrings
    return generator, children
