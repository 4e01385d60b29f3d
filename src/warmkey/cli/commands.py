"""Run the three commands."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from warmkey.cli.files import Base64Sink, Base64Source, Progress, can_be_replaced, opened, output_to, written_to
from warmkey.cli.message_walk import examine
from warmkey.cli.report import as_json, as_text
from warmkey.client_apis.client import Client
from warmkey.keyrings.aws_kms import AwsKmsKeyring
from warmkey.keyrings.aws_kms_key_arn import region_of
from warmkey.keyrings.multi import MultiKeyring

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    from warmkey.client_apis.buffered_source import Source
    from warmkey.client_apis.decrypt_stream import DecryptStream
    from warmkey.client_apis.streams import MessageStream

    KmsClients: TypeAlias = Callable[[str | None], Any]
    """Gives a KMS client for a Region."""

__all__ = ["decrypt", "encrypt", "inspect"]

_COPY_LENGTH = 2**17


def inspect(arguments: argparse.Namespace, _kms_clients: KmsClients) -> int:
    """Show what a message contains; 1 if it is damaged."""
    with opened(arguments.input) as file:
        found = examine(Base64Source(file) if arguments.base64 else file)
    present = as_json if arguments.json else as_text
    print(present(found, arguments.input))  # noqa: T201 - what the command is for
    return 0 if found.problem is None else 1


def encrypt(arguments: argparse.Namespace, kms_clients: KmsClients) -> int:
    """Encrypt a file."""
    keyring = _keyring(arguments.key_arn, kms_clients)
    client = Client(commitment_policy=arguments.commitment_policy)
    with _source(arguments) as source:
        stream = client.encrypt_stream(
            source,
            keyring=keyring,
            encryption_context=dict(arguments.context),
            algorithm_suite=arguments.suite,
            frame_length=arguments.frame_length,
        )
        _copy(stream, arguments.output, encode=Base64Sink if arguments.base64 else None)
    return 0


def decrypt(arguments: argparse.Namespace, kms_clients: KmsClients) -> int:
    """Decrypt a file; a file appears only if all of it is authentic."""
    keyring = _keyring(arguments.key_arn, kms_clients)
    client = Client(
        commitment_policy=arguments.commitment_policy, max_encrypted_data_keys=arguments.max_encrypted_data_keys
    )
    with _source(arguments) as source:
        stream = client.decrypt_stream(
            Base64Source(source) if arguments.base64 else source,
            keyring=keyring,
            encryption_context=dict(arguments.context),
            unsigned_only=arguments.unsigned_only,
            max_body_length=arguments.max_body_length,
        )
        if can_be_replaced(arguments.output) or stream.algorithm_suite.signature is None:
            _copy(stream, arguments.output)
        else:
            _copy_when_verified(stream, arguments.output)
    return 0


@contextmanager
def _source(arguments: argparse.Namespace) -> Iterator[Source]:
    with opened(arguments.input) as file:
        if arguments.quiet:
            yield file
            return
        with Progress(file, sys.stderr) as progress:
            yield progress


def _copy(stream: MessageStream, output: str, encode: Callable[[BinaryIO], Base64Sink] | None = None) -> None:
    with output_to(output) as file, stream:
        if encode is None:
            shutil.copyfileobj(stream, file, _COPY_LENGTH)
            return
        with encode(file) as sink:
            shutil.copyfileobj(stream, sink, _COPY_LENGTH)


def _copy_when_verified(stream: DecryptStream, output: str) -> None:
    """Copy once the signature is verified, because what has been written to a pipe can't be taken back.

    The plaintext waits in a file that has no name, that nobody else can read, and that is gone when it is closed.
    """
    with tempfile.TemporaryFile() as waiting:
        with stream:
            shutil.copyfileobj(stream, waiting, _COPY_LENGTH)
        waiting.seek(0)
        with written_to(output) as file:
            shutil.copyfileobj(waiting, file, _COPY_LENGTH)


def _keyring(identifiers: list[str], kms_clients: KmsClients) -> MultiKeyring:
    """Make a keyring: the first key generates the data key, all wrap it, any can unwrap it."""
    keyrings = [AwsKmsKeyring(identifier, kms_client=kms_clients(region_of(identifier))) for identifier in identifiers]
    return MultiKeyring(keyrings[0], keyrings[1:])
