"""Whatever fails, no error and no traceback of ours shows a key, a plaintext or the value of an encryption context.

Crash reporters print the local variables of every frame; ours hold data keys and plaintexts while they work.
"""

from __future__ import annotations

import base64
import io
import traceback
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.vectors.forge import KEY_NAME, NAMESPACE, SUITES, WRAPPING_KEY, Forgery, derived_keys
from tests.vectors.readers import COMMITTING, KEYRING
from warmkey import (
    AlgorithmSuite,
    AwsKmsKeyring,
    CachingCMM,
    Client,
    CommitmentPolicy,
    DecryptionMaterials,
    DefaultCMM,
    EncryptionMaterials,
    LocalCMC,
    MultiKeyring,
    WarmkeyError,
)
from warmkey.client_apis import frames
from warmkey.keyrings import (
    EcdhCurveSpec,
    PaddingScheme,
    PublicKeyDiscovery,
    RawAesKeyring,
    RawEcdhKeyring,
    RawRsaKeyring,
)
from warmkey.testing import FAULTS, FakeKms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLAINTEXT = b"white-shark-" * 20
VALUE = "blue-whale"
PAIRS = [(b"tenant", VALUE.encode())]
CONTEXT = {"tenant": VALUE}
SUITE_IDS = pytest.mark.parametrize("suite_id", [0x0014, 0x0178, 0x0478, 0x0578], ids=hex)
REFUSALS = [fault for fault in FAULTS if fault not in ("retried", "another-plaintext")]


# --- looking for secrets


def chain(error: BaseException) -> list[BaseException]:
    """The error and everything that hangs on it."""
    found: list[BaseException] = []
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is not None and current not in found:
            found.append(current)
            pending += [current.__cause__, current.__context__]
            pending += [attempt.cause for attempt in getattr(current, "attempts", ())]
    return found


def our_locals(error: BaseException) -> Iterator[object]:
    """The local variables of every frame of warmkey's in every traceback."""
    for link in chain(error):
        for frame, _line in traceback.walk_tb(link.__traceback__):
            module = frame.f_globals["__name__"]
            if module.startswith("warmkey.") and not module.startswith("warmkey.testing"):
                yield from frame.f_locals.values()


def shown(value: object) -> str:
    """What a crash reporter would print of a variable, and what is in it."""
    inner = b"".join(bytes(part) for part in buffers(value))
    return repr(value) + inner.decode("latin-1") + inner.hex()


def buffers(value: object, depth: int = 3) -> Iterator[bytes | bytearray | memoryview]:
    if isinstance(value, (bytes, bytearray, memoryview)):
        yield value
    elif isinstance(value, io.BytesIO) and not value.closed:
        yield value.getvalue()
    elif depth and isinstance(value, (tuple, list, set, frozenset)):
        for item in value:
            yield from buffers(item, depth - 1)
    elif depth and isinstance(value, dict):
        for item in (*value, *value.values()):
            yield from buffers(item, depth - 1)
    elif isinstance(value, str):
        yield value.encode("utf-8", "surrogatepass")


def assert_shows_nothing(error: BaseException, *keys: bytes) -> None:
    """Neither plaintext nor context value nor any of *keys*, in any form that is easy to read."""
    texts = [str(link) + repr(link) + repr(link.args) for link in chain(error)]
    texts += [repr(attempt) for link in chain(error) for attempt in getattr(link, "attempts", ())]
    texts += [shown(value) for value in our_locals(error)]
    everything = "".join(texts)
    for secret in (b"white-shark", VALUE.encode(), *filter(None, keys)):
        for form in (secret.decode("latin-1"), secret.hex(), base64.b64encode(secret).decode()):
            assert form not in everything


def failure(call: Callable[[], object], *keys: bytes, kind: type[BaseException] = WarmkeyError) -> BaseException:
    try:
        call()
    except kind as error:
        assert_shows_nothing(error, *keys)
        return error
    raise AssertionError("it did not fail")


# --- decrypt


def damaged(forgery: Forgery) -> Iterator[bytes]:
    """Authentic up to some point, so that keys and some plaintext are at hand when it fails."""
    message = forgery.message(PLAINTEXT)
    header, body_end = len(forgery.header()), len(forgery.header() + forgery.body(PLAINTEXT))
    frame = 32 + forgery.frame_length
    flips = [header - 1, header + 3, header + 4, header + 20, header + frame + 20, header + 3 * frame - 1]
    flips += [body_end - 1, len(message) - 1]
    for position in flips:
        yield message[:position] + bytes((message[position] ^ 1,)) + message[position + 1 :]
    for cut in (
        1,
        header - 1,
        header,
        header + 10,
        header + frame,
        header + frame + 30,
        body_end - 1,
        len(message) - 1,
    ):
        yield message[:cut]
    yield message + b"trailing"
    if forgery.suite.commits:
        yield replace(forgery, fields={"suite data": bytes(32)}, with_public_key=False).message(PLAINTEXT)


@SUITE_IDS
def test_a_decrypt_that_fails_shows_nothing(suite_id: int) -> None:
    forgery = Forgery(suite_id=suite_id, pairs=PAIRS)
    keys = (forgery.secrets[0], derived_keys(suite_id, forgery.secrets[0], forgery.message_id or b"")[0], WRAPPING_KEY)
    cached = CachingCMM(cache=LocalCMC(10), max_age=60, keyring=KEYRING)
    COMMITTING.decrypt(forgery.message(PLAINTEXT), cmm=cached)
    for message in damaged(forgery):
        failure(lambda message=message: COMMITTING.decrypt(message, keyring=KEYRING), *keys)
        failure(lambda message=message: COMMITTING.decrypt(message, cmm=cached, encryption_context=CONTEXT), *keys)


@SUITE_IDS
def test_a_context_that_does_not_fit_shows_neither_value(suite_id: int) -> None:
    forgery = Forgery(suite_id=suite_id, pairs=[(b"tenant", b"white-shark")])
    message = forgery.message(PLAINTEXT)
    for context in (CONTEXT, {"tenant": "white-shark", "other": VALUE}, {"other": VALUE}, {"k": VALUE + "\ud800"}):
        failure(lambda context=context: COMMITTING.decrypt(message, keyring=KEYRING, encryption_context=context))
    failure(lambda: COMMITTING.decrypt(message, keyring=KEYRING, encryption_context={"k": [VALUE]}))  # type: ignore[dict-item]
    failure(lambda: COMMITTING.decrypt(message, keyring=KEYRING, encryption_context=[VALUE]))  # type: ignore[arg-type]


@SUITE_IDS
def test_a_refusal_by_policy_or_key_shows_nothing(suite_id: int) -> None:
    forgery = Forgery(suite_id=suite_id, pairs=PAIRS)
    message = forgery.message(PLAINTEXT)
    strict = Client(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT, max_encrypted_data_keys=1)
    wrong = [RawAesKeyring(NAMESPACE, KEY_NAME, b"\x77" * 32), RawAesKeyring("other", KEY_NAME, WRAPPING_KEY)]
    for keyring in (*wrong, MultiKeyring(children=wrong)):
        failure(lambda keyring=keyring: COMMITTING.decrypt(message, keyring=keyring), forgery.secrets[0], WRAPPING_KEY)
    if not SUITES[suite_id].commits:
        failure(lambda: strict.decrypt(message, keyring=KEYRING), forgery.secrets[0])


# --- encrypt


class Tampering:
    """A CMM that gets materials with secrets in them wrong."""

    def __init__(self, tamper: Callable[[Any], Any]) -> None:
        self._cmm = DefaultCMM(KEYRING)
        self._tamper = tamper

    def get_encryption_materials(self, request: Any, /) -> EncryptionMaterials:
        return self._tamper(self._cmm.get_encryption_materials(request))  # type: ignore[no-any-return]

    def decrypt_materials(self, request: Any, /) -> DecryptionMaterials:
        return self._tamper(self._cmm.decrypt_materials(request))  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "arguments",
    [
        {"frame_length": 0},
        {"algorithm_suite": 0x9999},
        {"algorithm_suite": AlgorithmSuite(0x0178)},
        {"encryption_context": {"aws-crypto-x": VALUE}},
        {"encryption_context": {"tenant": VALUE + "\ud800"}},
        {"encryption_context": {"tenant": [VALUE]}},
        {"encryption_context": VALUE},
        {"encryption_context": {"a": VALUE * 4_000, "b": VALUE * 4_000}},
        {"keyring": None},
        {"keyring": None, "cmm": Tampering(lambda materials: replace(materials, plaintext_data_key=b"\x77" * 31))},
        {"keyring": None, "cmm": Tampering(lambda materials: replace(materials, encrypted_data_keys=()))},
        {"keyring": None, "cmm": Tampering(lambda materials: replace(materials, signing_key=None))},
        {"keyring": None, "cmm": Tampering(lambda materials: replace(materials, encryption_context={}))},
        {"keyring": MultiKeyring(KEYRING, [RawAesKeyring("a", "b", WRAPPING_KEY)])},
    ],
    ids=range(14),
)
def test_an_encrypt_that_fails_shows_nothing(arguments: dict[str, Any]) -> None:
    client = Client(max_encrypted_data_keys=1)
    arguments = {"keyring": KEYRING, "encryption_context": CONTEXT, **arguments}

    failure(lambda: client.encrypt(PLAINTEXT, **arguments), WRAPPING_KEY, b"\x77" * 31)


# --- keys of one's own


PRIVATE_KEY = b"-----BEGIN PRIVATE KEY-----\nhammer-head\n-----END PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    "build",
    [
        lambda: RawAesKeyring("aws-kms", KEY_NAME, WRAPPING_KEY),
        lambda: RawAesKeyring(NAMESPACE, "", WRAPPING_KEY),
        lambda: RawAesKeyring(NAMESPACE, KEY_NAME, WRAPPING_KEY[:-1]),
        lambda: RawAesKeyring(NAMESPACE, KEY_NAME, WRAPPING_KEY.hex()),  # type: ignore[arg-type]
        lambda: RawRsaKeyring(NAMESPACE, KEY_NAME, PaddingScheme.PKCS1, private_key=PRIVATE_KEY),
        lambda: RawRsaKeyring(NAMESPACE, KEY_NAME, PaddingScheme.PKCS1, public_key=PRIVATE_KEY),
        lambda: RawRsaKeyring("aws-kms", KEY_NAME, PaddingScheme.PKCS1, private_key=PRIVATE_KEY),
        lambda: RawEcdhKeyring(
            PublicKeyDiscovery(recipient_static_private_key=PRIVATE_KEY), curve_spec=EcdhCurveSpec.ECC_NIST_P256
        ),
        lambda: RawEcdhKeyring(PRIVATE_KEY, curve_spec=EcdhCurveSpec.ECC_NIST_P256),  # type: ignore[arg-type]
    ],
    ids=range(9),
)
def test_a_raw_keyring_that_can_not_be_built_shows_no_key(build: Callable[[], object]) -> None:
    """Keyrings are built while a module is imported: there crash reporters look first."""
    failure(build, WRAPPING_KEY[:-1], b"hammer-head")


# --- KMS


class Spy:
    """A KMS client that remembers the data keys that went through it."""

    def __init__(self, kms: FakeKms) -> None:
        self._kms = kms
        self.meta = kms.meta
        self.data_keys: set[bytes] = set()

    def generate_data_key(self, **parameters: Any) -> dict[str, Any]:
        return self._watch(self._kms.generate_data_key(**parameters))

    def decrypt(self, **parameters: Any) -> dict[str, Any]:
        return self._watch(self._kms.decrypt(**parameters))

    def encrypt(self, **parameters: Any) -> dict[str, Any]:
        self.data_keys.add(parameters["Plaintext"])
        return self._kms.encrypt(**parameters)

    def _watch(self, response: dict[str, Any]) -> dict[str, Any]:
        self.data_keys.add(response["Plaintext"])
        return response


@pytest.mark.parametrize("cached", [False, True], ids=["direct", "cached"])
@pytest.mark.parametrize("fault", REFUSALS)
def test_a_failing_kms_shows_nothing(fault: str, cached: bool) -> None:
    kms = FakeKms()
    arns = [kms.create_key(), kms.create_key()]
    spy = Spy(kms)
    first, second = (AwsKmsKeyring(arn, kms_client=spy) for arn in arns)
    keyring = MultiKeyring(first, [second])
    cmm = CachingCMM(cache=LocalCMC(10), max_age=60, keyring=keyring) if cached else DefaultCMM(keyring)
    client = Client()
    message = client.encrypt(PLAINTEXT, keyring=keyring, encryption_context=CONTEXT).ciphertext
    for operation in ("GenerateDataKey",) if "plaintext" in fault else ("GenerateDataKey", "Encrypt"):
        with kms.fail(operation, error=fault, times=None):
            failure(lambda: client.encrypt(PLAINTEXT, cmm=cmm, encryption_context=CONTEXT), *spy.data_keys)
    with kms.fail("Decrypt", error=fault, times=None):
        failure(lambda: client.decrypt(message, cmm=cmm, encryption_context=CONTEXT), *spy.data_keys)
    assert spy.data_keys


# --- exceptions that are not ours


class Breaking:
    """A keyring that works and then raises something else."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        KEYRING.on_encrypt(materials)
        raise self._error

    def on_decrypt(self, materials: DecryptionMaterials, keys: Any, /) -> DecryptionMaterials:
        KEYRING.on_decrypt(materials, keys)
        raise self._error


FOREIGN = [RuntimeError("a keyring's own"), KeyboardInterrupt(), MemoryError(), SystemExit(1)]


@pytest.mark.parametrize("error", FOREIGN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("cached", [False, True], ids=["direct", "cached"])
def test_an_exception_that_is_not_ours_passes_through_and_our_frames_show_nothing(
    error: BaseException, cached: bool
) -> None:
    """A timeout that the handler's own alarm raises may hit us anywhere."""
    forgery = Forgery(pairs=PAIRS)
    keyring = Breaking(error)
    cmm = CachingCMM(cache=LocalCMC(10), max_age=60, keyring=keyring) if cached else DefaultCMM(keyring)
    encrypt = failure(lambda: COMMITTING.encrypt(PLAINTEXT, cmm=cmm, encryption_context=CONTEXT), kind=BaseException)
    decrypt = failure(
        lambda: COMMITTING.decrypt(forgery.message(PLAINTEXT), cmm=cmm, encryption_context=CONTEXT),
        forgery.secrets[0],
        kind=BaseException,
    )

    assert encrypt is error
    assert decrypt is error


@pytest.mark.parametrize(
    ("suite_id", "few", "times"),
    [
        pytest.param(0x0478, 100, 8, id="unsigned, joined"),
        pytest.param(0x0578, 100, 8, id="signed, joined"),
        pytest.param(0x0478, 0, 11, id="unsigned, in place"),
        pytest.param(0x0578, 0, 11, id="signed, in place"),
    ],
)
def test_an_interruption_amid_the_frames_shows_nothing(
    suite_id: int, few: int, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "_FEW_FRAMES", few)
    suite, forgery = AlgorithmSuite(suite_id), Forgery(suite_id=suite_id, pairs=PAIRS)
    message = forgery.message(PLAINTEXT)
    interruptions = 0
    for method in ("encrypt", "encrypt_into", "decrypt", "decrypt_into"):
        for after in range(4):
            monkeypatch.setattr("warmkey.client_apis.encrypt.AESGCM", interrupted(method, after))
            monkeypatch.setattr("warmkey.client_apis.decrypt.AESGCM", interrupted(method, after))
            for call in (
                lambda: COMMITTING.encrypt(
                    PLAINTEXT, keyring=KEYRING, encryption_context=CONTEXT, algorithm_suite=suite, frame_length=50
                ),
                lambda: COMMITTING.decrypt(message, keyring=KEYRING, encryption_context=CONTEXT),
            ):
                try:
                    call()
                except KeyboardInterrupt as error:
                    interruptions += 1
                    assert_shows_nothing(error, forgery.secrets[0], WRAPPING_KEY)

    assert interruptions == times, "of header, two or three frames and the last one, each way"


def interrupted(method: str, after: int) -> Callable[[bytes], object]:
    """A cipher whose *method* is interrupted after that many calls."""

    class Interrupted:
        def __init__(self, key: bytes) -> None:
            self._aead = AESGCM(key)
            self._left = after

        def __getattr__(self, name: str) -> Any:
            def call(*arguments: Any) -> Any:
                if name == method:
                    if self._left == 0:
                        raise KeyboardInterrupt
                    self._left -= 1
                return getattr(self._aead, name)(*arguments)

            return call

    return Interrupted
