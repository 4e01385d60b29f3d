"""Manifests of whole messages: to decrypt, to encrypt, and to generate such manifests from."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tools.official_vectors.cases import Json, NotRunError, Report, VectorError, must_fail
from warmkey import AlgorithmSuite, Client, CommitmentPolicy, DefaultCMM, EncryptionMaterials
from warmkey.data_format.encrypted_data_keys import serialize_keys
from warmkey.data_format.message_header import read_header

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tools.official_vectors.keys import Keys
    from warmkey import EncryptionMaterialsRequest
    from warmkey.cmms import CryptographicMaterialsManager
    from warmkey.keyrings import Keyring

__all__ = ["decrypt_cases", "encrypt_cases"]

_PUBLIC_KEY = "aws-crypto-public-key"
_DECRYPTING = Client(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT)
_NOT_COMMITTING = Client(commitment_policy=CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT)


def decrypt_cases(manifest: Json, keys: Keys, read: Callable[[str], bytes], report: Report) -> None:
    """Run a manifest of type awses-decrypt, version 1 to 5.

    :param read: returns the bytes of a ``file://`` URI of the manifest
    """
    for name, case in manifest["tests"].items():
        scenario = case.get("decryption-scenario", case)
        report.run(name, lambda scenario=scenario: _decrypt_case(scenario, keys, read))  # type: ignore[misc]


def _decrypt_case(scenario: Json, keys: Keys, read: Callable[[str], bytes]) -> None:
    if "decryptKeyDescription" in scenario:
        cmm = keys.cmm(scenario["decryptKeyDescription"], encrypts=False)
    else:
        cmm = DefaultCMM(keys.master_keys(scenario["master-keys"], encrypts=False))
    message = read(scenario["ciphertext"])
    expected = _expected(scenario)
    context = scenario.get("reproduced-encryption-context") or {}
    for decrypt in _ways(scenario.get("decryption-method")):
        if expected is None:
            must_fail(lambda decrypt=decrypt: decrypt(message, cmm, context), _why(scenario))  # type: ignore[misc]
        elif decrypt(message, cmm, context) != read(expected):
            raise VectorError("another plaintext")


def _expected(scenario: Json) -> str | None:
    """Return where the plaintext is, or ``None`` if the case has to fail."""
    result = scenario.get("result")
    if isinstance(result, str):
        return None if str(scenario.get("type", "")).startswith("negative") else result
    if result is None:  # version 1
        return str(scenario["plaintext"])
    return str(result["output"]["plaintext"]) if "output" in result else None


def _why(scenario: Json) -> str:
    result = scenario.get("result")
    error = result.get("error", {}) if isinstance(result, dict) else {}
    return str(error.get("error-description") or scenario.get("decryptErrorDescription") or scenario.get("description"))


def _ways(method: str | None) -> list[Callable[[bytes, CryptographicMaterialsManager, Mapping[str, str]], bytes]]:
    if method == "streaming-unsigned-only":
        return [_unsigned_stream]
    if method is not None:
        raise NotRunError(f"decryption method {method}")
    return [_at_once, _stream]


def _at_once(message: bytes, cmm: CryptographicMaterialsManager, context: Mapping[str, str]) -> bytes:
    return _DECRYPTING.decrypt(message, cmm=cmm, encryption_context=context).plaintext


def _stream(message: bytes, cmm: CryptographicMaterialsManager, context: Mapping[str, str], **options: Any) -> bytes:  # noqa: ANN401
    with _DECRYPTING.decrypt_stream(io.BytesIO(message), cmm=cmm, encryption_context=context, **options) as stream:
        return stream.read()


def _unsigned_stream(message: bytes, cmm: CryptographicMaterialsManager, context: Mapping[str, str]) -> bytes:
    return _stream(message, cmm, context, unsigned_only=True)


def encrypt_cases(manifest: Json, keys: Keys, report: Report) -> None:
    """Run a manifest of type awses-encrypt or awses-decrypt-generate: encrypt, tamper if asked, and decrypt."""
    plaintexts = {name: os.urandom(length) for name, length in manifest["plaintexts"].items()}
    for name, case in manifest["tests"].items():
        report.run(name, lambda case=case: _encrypt_case(case, keys, plaintexts))  # type: ignore[misc]


def _encrypt_case(case: Json, keys: Keys, plaintexts: Mapping[str, bytes]) -> None:
    scenario = case.get("encryption-scenario", case)
    if "encryptKeyDescription" in scenario or "keyDescription" in scenario:
        _described_case(scenario, keys, plaintexts)
        return
    plaintext = plaintexts[scenario["plaintext"]]
    keyring = keys.master_keys(scenario["master-keys"], encrypts=True)
    tampering = case.get("tampering")
    cmm: CryptographicMaterialsManager = _HalfSigningCMM(keyring) if tampering == "half-sign" else DefaultCMM(keyring)
    message = _encrypted(scenario, plaintext, cmm)
    readers = DefaultCMM(keys.master_keys(case.get("decryption-master-keys", scenario["master-keys"]), encrypts=False))
    fails = "error" in case.get("result", {})
    for decrypt in _ways(case.get("decryption-method")):
        if tampering is None and not fails:
            if decrypt(message, readers, {}) != plaintext:
                raise VectorError("another plaintext")
            continue
        for damaged in _tampered(message, tampering):
            must_fail(lambda decrypt=decrypt, damaged=damaged: decrypt(damaged, readers, {}), str(tampering))  # type: ignore[misc]


def _described_case(scenario: Json, keys: Keys, plaintexts: Mapping[str, bytes]) -> None:
    plaintext, kind = plaintexts[scenario["plaintext"]], str(scenario["type"])
    described = scenario.get("encryptKeyDescription") or scenario["keyDescription"]
    cmm = keys.cmm(described, encrypts=True)
    if kind.startswith("negative-encrypt"):
        must_fail(lambda: _encrypted(scenario, plaintext, cmm), kind)
        return
    message = _encrypted(scenario, plaintext, cmm)
    reader = keys.cmm(scenario["decryptKeyDescription"], encrypts=False)
    context = scenario.get("reproduced-encryption-context") or {}
    for decrypt in _ways(None):
        if kind.startswith("negative"):
            must_fail(lambda decrypt=decrypt: decrypt(message, reader, context), kind)  # type: ignore[misc]
        elif decrypt(message, reader, context) != plaintext:
            raise VectorError("another plaintext")


def _encrypted(scenario: Json, plaintext: bytes, cmm: CryptographicMaterialsManager) -> bytes:
    suite = AlgorithmSuite(int(scenario.get("algorithm") or scenario["algorithmSuiteId"], 16))
    client = _DECRYPTING if suite.commits else _NOT_COMMITTING
    # warmkey writes framed messages only: what asks for a non-framed one gets frames of the default length.
    length = scenario.get("frame-size") or 4096
    return client.encrypt(
        plaintext,
        cmm=cmm,
        encryption_context=scenario["encryption-context"],
        algorithm_suite=suite,
        frame_length=length,
    ).ciphertext


def _tampered(message: bytes, method: object) -> Iterator[bytes]:
    match method:
        case "truncate":
            yield from (message[:length] for length in range(1, len(message)))
        case "mutate":
            for bit in range(len(message) * 8):
                damaged = bytearray(message)
                damaged[bit // 8] ^= 1 << bit % 8
                yield bytes(damaged)
        case {"change-edk-provider-info": infos}:
            yield from (_with_provider_info(message, info.encode()) for info in infos)
        case None | "half-sign":
            yield message
        case _:
            raise NotRunError(f"tampering {method}")


def _with_provider_info(message: bytes, info: bytes) -> bytes:
    """Return *message* with *info* in each encrypted data key."""
    keys = read_header(message).encrypted_data_keys
    changed = [replace(key, key_provider_info=info) for key in keys]
    return message.replace(serialize_keys(keys), serialize_keys(changed), 1)


class _HalfSigningCMM(DefaultCMM):
    """Has a public key in the context although the suite does not sign."""

    def __init__(self, keyring: Keyring) -> None:
        super().__init__(keyring)
        self._below = keyring

    def get_encryption_materials(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        """Return materials that no CMM may return."""
        suite = request.algorithm_suite or request.commitment_policy.default_suite
        context = {**request.encryption_context, _PUBLIC_KEY: "A" * 68}
        return self._below.on_encrypt(EncryptionMaterials(algorithm_suite=suite, encryption_context=context))
