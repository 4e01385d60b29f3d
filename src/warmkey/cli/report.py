"""Report what ``warmkey inspect`` found in a message, for a person and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from warmkey.algorithm_suites import IV_LENGTH, TAG_LENGTH
from warmkey.data_format.foreign_bytes import NOT_A_MESSAGE
from warmkey.data_format.message_header import BASE64_OF_A_MESSAGE, ContentType

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warmkey.algorithm_suites import AlgorithmSuite
    from warmkey.cli.message_walk import Examination
    from warmkey.data_format.message_header import MessageHeader
    from warmkey.exceptions import MalformedMessage
    from warmkey.structures import EncryptedDataKey

__all__ = ["as_json", "as_text", "base64_hint"]

# Key providers whose key provider info is the ARN of a KMS key. Names that only start like them are raw keyrings'.
_UNDER_KMS_KEYS = ("aws-kms", "aws-kms-rsa")
# It is public keys, which are not text.
_KEY_AGREEMENT = ("aws-kms-ecdh", "raw-ecdh")
# It is the ID of a branch key, and the ciphertext has a salt, an IV and the branch key's version ahead of the rest.
# Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#ciphertext
_HIERARCHY = "aws-kms-hierarchy"
_UUID_LENGTH = 16
_BRANCH_KEY_VERSION = slice(16 + IV_LENGTH, 16 + IV_LENGTH + _UUID_LENGTH)
# Source: framework/raw-aes-keyring.md#key-provider-information
_RAW_AES_LENGTHS = (TAG_LENGTH * 8).to_bytes(4, "big") + IV_LENGTH.to_bytes(4, "big")


def as_json(found: Examination, name: str) -> str:
    """Return one JSON object; docs/inspect.md describes its fields."""
    problem = found.problem
    report: dict[str, Any] = {
        "file": name,
        "length": found.length,
        "complete": problem is None,
        "problem": problem and {"where": problem.where, "offset": problem.offset, "problem": problem.problem},
    }
    if found.header is not None:
        report |= _header(found.header) | _body(found, found.header)
    return json.dumps(report, indent=2)


def _header(header: MessageHeader) -> dict[str, Any]:
    suite = header.algorithm_suite
    return {
        "version": header.version,
        "algorithm_suite": {
            "id": f"0x{suite.value:04x}",
            "name": suite.name,
            "commits": suite.commits,
            "signed": suite.signature is not None,
        },
        "message_id": header.message_id.hex(),
        "encryption_context": dict(header.encryption_context),
        "encrypted_data_keys": [_key(key) for key in header.encrypted_data_keys],
        "header_length": header.length,
    }


def _key(key: EncryptedDataKey) -> dict[str, Any]:
    return {
        "key_provider_id": key.key_provider_id,
        **_key_provider_info(key),
        "ciphertext_length": len(key.ciphertext),
    }


def _key_provider_info(key: EncryptedDataKey) -> dict[str, str]:
    """Return the provider info as what it is, where that can be told."""
    if key.key_provider_id in _KEY_AGREEMENT:
        return {"key_provider_info_hex": key.key_provider_info.hex()}
    info = key.key_provider_info
    if info[-IV_LENGTH - len(_RAW_AES_LENGTHS) : -IV_LENGTH] == _RAW_AES_LENGTHS:
        info = info[: -IV_LENGTH - len(_RAW_AES_LENGTHS)]
    try:
        text = info.decode()
    except UnicodeDecodeError:
        return {"key_provider_info_hex": key.key_provider_info.hex()}
    if key.key_provider_id == _HIERARCHY:
        return {"branch_key_id": text, **_branch_key_version(key.ciphertext)}
    return {"key_arn" if key.key_provider_id in _UNDER_KMS_KEYS else "key_name": text}


def _branch_key_version(ciphertext: bytes) -> dict[str, str]:
    version = ciphertext[_BRANCH_KEY_VERSION]
    return {"branch_key_version": str(UUID(bytes=version))} if len(version) == _UUID_LENGTH else {}


def _body(found: Examination, header: MessageHeader) -> dict[str, Any]:
    framed = header.content_type is ContentType.FRAMED
    body: dict[str, Any] = {"content_type": "framed" if framed else "non-framed"}
    if framed:
        body |= {"frame_length": header.frame_length, "frames": found.frames, "last_frame_length": found.last_length}
    return {
        **body,
        "plaintext_length": found.plaintext_length,
        "signature_length": found.signature_length,
    }


def as_text(found: Examination, name: str) -> str:
    """Return a few lines to read."""
    lines = [_line("file", name)]
    if found.header is not None:
        lines += _header_lines(found.header)
        lines.append(_line("body", _body_text(found, found.header)))
        lines.append(_line("signature", _signature_text(found, found.header.algorithm_suite)))
    if found.length is not None:
        header = f", {found.header.length:,} of them header" if found.header is not None else ""
        lines.append(_line("length", f"{_count(found.length, 'byte')}{header}"))
    lines.append(_line("verdict", _verdict(found)))
    return "\n".join(lines)


def _header_lines(header: MessageHeader) -> Iterator[str]:
    suite = header.algorithm_suite
    properties = f"{'with' if suite.commits else 'without'} key commitment, {'' if suite.signature else 'not '}signed"
    yield _line("format", f"version {header.version}")
    yield _line("suite", f"0x{suite.value:04x} {suite.name} ({properties})")
    yield _line("message ID", header.message_id.hex())
    count = len(header.encryption_context)
    yield _line("context", f"{_count(count, 'pair')}, stored unencrypted" if count else "empty")
    for key, value in header.encryption_context.items():
        yield f"    {_shown(key)} = {_shown(value)}"
    yield _line("data key", f"encrypted {_count(len(header.encrypted_data_keys), 'time')}")
    for number, encrypted in enumerate(header.encrypted_data_keys, 1):
        info = _key_provider_info(encrypted)
        version = f", version {info['branch_key_version']}" if "branch_key_version" in info else ""
        shown = ("branch key " if "branch_key_id" in info else "") + _shown(next(iter(info.values())))
        length = f"{len(encrypted.ciphertext):,} bytes"
        yield f"    {number}. {_shown(encrypted.key_provider_id)}: {shown}{version} ({length})"


def _body_text(found: Examination, header: MessageHeader) -> str:
    plaintext = f"{found.plaintext_length:,} bytes of plaintext"
    if header.content_type is ContentType.NON_FRAMED:
        return f"not framed, {plaintext}"
    last = f", the last of {found.last_length:,}" if found.frames else ""
    return f"{_count(found.frames, 'frame')} of up to {header.frame_length:,} bytes{last}; {plaintext}"


def _signature_text(found: Examination, suite: AlgorithmSuite) -> str:
    if suite.signature is None:
        return "none; the suite does not sign"
    if found.signature_length is None:
        return "not reached"
    return f"{found.signature_length} bytes, {suite.signature.name}"


def _verdict(found: Examination) -> str:
    if found.problem is None:
        return "complete; only the key can show whether it is authentic"
    if NOT_A_MESSAGE in found.problem.problem:
        return str(found.problem)
    return f"damaged: {found.problem}{base64_hint(found.problem)}"


def base64_hint(error: MalformedMessage) -> str:
    """Return which option reads the text that *error* is about, where it is text."""
    return "; --base64 does that here" if error.problem.startswith(BASE64_OF_A_MESSAGE) else ""


def _line(label: str, text: str) -> str:
    return f"{label:<11} {text}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _shown(text: str) -> str:
    """Return *text*, or, where it has control characters, *text* as Python escapes it."""
    return text if text.isprintable() else ascii(text)
