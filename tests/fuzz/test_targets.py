"""The targets of `make fuzz` keep their promise for a while without a fuzzer, too, and would notice if they did not."""

from __future__ import annotations

import json
import logging
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools.utilities.data_masking.exceptions import DataMaskingDecryptValueError

from fuzz.__main__ import at_random
from fuzz.mutation import json_of
from fuzz.promise import SECRET, BrokenPromiseError, attempt, listening
from fuzz.targets import NAMES, target
from tests.vectors.branch_key_forge import TENANT_A
from tests.vectors.forge import Forgery
from warmkey import ConfigurationError, KeyUnavailable, MalformedMessage, PolicyRefused, WarmkeyError
from warmkey.branch_keys import AwsKmsHierarchicalKeyring
from warmkey.client_apis import decrypt as decrypt_module
from warmkey.client_apis import decrypt_stream as stream_module
from warmkey.lambda_runtime.settings import KmsMode, Settings
from warmkey.sealed import records as records_module
from warmkey.sealed import text as text_module
from warmkey.testing.branch_keys import FakeBranchKeyStore

if TYPE_CHECKING:
    from pathlib import Path

    from warmkey.branch_keys import BranchKeyMaterials

EACH = pytest.mark.parametrize("name", NAMES)


@EACH
def test_seeds_pass_and_so_do_inputs_changed_at_random(name: str) -> None:
    tested, source = target(name), Random(4711)
    seeds = tested.seeds()
    with tested.world():
        for data in seeds:
            tested.test(data)
        for _ in range(80):
            tested.test(tested.change(source.choice(seeds), source, seeds))


@EACH
def test_the_same_changes_come_of_the_same_seed(name: str) -> None:
    tested = target(name)
    seeds = tested.seeds()

    first, second = ([tested.change(data, source, seeds) for data in seeds] for source in (Random(1), Random(1)))

    assert first == second
    assert first != seeds


@EACH
def test_any_bytes_can_be_changed_and_tested(name: str) -> None:
    tested, source = target(name), Random(0)
    with tested.world():
        for data in (b"", b"\x00", b"\xff" * 40, b"{}", b"[]", b"\x02\x04\x78"):
            tested.test(data)
            tested.change(data, source, [data])


def test_without_atheris_inputs_are_tried_at_random(capsys: pytest.CaptureFixture[str]) -> None:
    at_random("messages", 0.05, 1)

    assert "seed 1, nothing found" in capsys.readouterr().out


def test_what_is_found_is_written_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_: object, **__: object) -> None:
        raise IndexError("out of range")

    monkeypatch.setattr(decrypt_module, "decrypt_body", broken)
    monkeypatch.setattr("fuzz.__main__._FOUND", tmp_path / "found")
    with pytest.raises((IndexError, BrokenPromiseError)):
        at_random("messages", 5, 1)

    assert [path.name for path in (tmp_path / "found").iterdir()] == ["messages-random"]


# --- what an attempt notices


class Loose(MalformedMessage):
    def __repr__(self) -> str:
        return SECRET


@pytest.mark.parametrize(
    "error",
    [
        MalformedMessage("something", where=""),
        MalformedMessage("something", offset=-1),
        WarmkeyError("the base"),
        PolicyRefused(""),
        PolicyRefused("several\nlines"),
        PolicyRefused("long" * 5_000),
        PolicyRefused(f"it is {SECRET}"),
        Loose("something"),
    ],
    ids=repr,
)
def test_an_error_that_is_not_as_it_must_be_is_noticed(error: WarmkeyError) -> None:
    def call() -> None:
        raise error

    with pytest.raises(BrokenPromiseError):
        attempt(call)


@pytest.mark.parametrize("as_cause", [True, False])
def test_a_secret_in_what_led_to_an_error_is_noticed(as_cause: bool) -> None:
    def call() -> None:
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            if as_cause:
                raise PolicyRefused("no") from error
            raise PolicyRefused("no")  # noqa: B904 - that is the fault

    with pytest.raises(BrokenPromiseError):
        attempt(call)


def test_a_foreign_exception_gets_out() -> None:
    with pytest.raises(ZeroDivisionError):
        attempt(lambda: 1 // 0)


# --- what messages and streams notice


class Careless:
    def __init__(self, key: bytes) -> None:
        pass

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        return bytes(data[:-16])

    def decrypt_into(self, nonce: bytes, data: bytes, associated_data: bytes | None, buffer: Any) -> int:
        buffer[:] = data[:-16]
        return len(buffer)


@pytest.mark.parametrize(("name", "module"), [("messages", decrypt_module), ("streams", stream_module)])
def test_an_accepted_message_that_nobody_wrote_is_noticed(
    monkeypatch: pytest.MonkeyPatch, name: str, module: Any
) -> None:
    tested = target(name)
    unsigned = next(message for message in tested.seeds() if message.startswith(b"\x02\x04\x78"))
    monkeypatch.setattr(module, "AESGCM", Careless, raising=False)
    monkeypatch.setattr(decrypt_module, "AESGCM", Careless)
    with pytest.raises(BrokenPromiseError):
        tested.test(unsigned[:-1] + bytes((unsigned[-1] ^ 1,)))


def test_a_refused_message_that_somebody_may_write_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def strict(*_: object, **__: object) -> None:
        raise MalformedMessage("something", where="body")

    monkeypatch.setattr(decrypt_module, "decrypt_body", strict)
    tested = target("messages")
    with pytest.raises(BrokenPromiseError):
        tested.test(tested.seeds()[0])


def test_a_foreign_exception_while_parsing_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise IndexError("out of range")

    monkeypatch.setattr(decrypt_module, "decrypt_body", broken)
    tested = target("parsing")
    with tested.world(), pytest.raises(IndexError):
        tested.test(tested.seeds()[0])


@pytest.mark.parametrize("line", [f"it is {SECRET}", "it is %s"])
def test_a_secret_in_a_log_line_is_noticed_and_others_are_not_written(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    logger = logging.getLogger("warmkey")
    monkeypatch.setattr(logger, "handlers", [])  # it may have got ours in an earlier test of this process
    with listening():
        logger.warning("something else")
        with pytest.raises(BrokenPromiseError):
            logger.warning(line, *([SECRET] if "%" in line else []))

    assert capsys.readouterr() == ("", "")


# --- what the others notice


def notices(name: str, data: bytes | dict[str, Any]) -> bool:
    tested = target(name)
    with tested.world():
        try:
            tested.test(data if isinstance(data, bytes) else json_of(data))
        except BrokenPromiseError:
            return True
    return False


def seed(name: str, number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(target(name).seeds()[number])
    return found


def test_a_token_that_opens_after_its_time_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warmkey.sealed.tokens.read", lambda plaintext, **_: plaintext[9:])

    assert notices("tokens", seed("tokens"))


def test_a_token_that_does_not_open_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warmkey.sealed.tokens._NEVER", 0)

    assert notices("tokens", seed("tokens", 5)) is False
    monkeypatch.setattr("warmkey.sealed.tokens._VERSION", 2)
    assert notices("tokens", seed("tokens", 5))


def test_a_text_that_was_changed_and_opens_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from_base64url = text_module.from_base64url
    monkeypatch.setattr(
        text_module, "from_base64url", lambda text, **more: from_base64url(text.removesuffix("\n"), **more)
    )
    token = {**seed("tokens", 5), "edits": [[-1, 0, "\n"]]}

    assert notices("tokens", token)
    assert notices("checkpoints", {**seed("checkpoints"), "edits": [[-1, 0, "\n"]]})


def test_a_checkpoint_of_another_place_that_opens_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warmkey.sealed.checkpoints.Place.__ne__", lambda *_: False)
    monkeypatch.setattr("warmkey.sealed.checkpoints._encoded", lambda _: (b"step-1", b"another"))

    assert notices("checkpoints", seed("checkpoints"))


@pytest.mark.parametrize("name", ["records", "masking"])
def test_the_seed_with_fields_in_lists_is_unsealed(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Or changes to it would never come near what is accepted."""
    unsealed: list[object] = []
    monkeypatch.setattr(f"fuzz.targets.{name}.check_whole", lambda whole, *_: unsealed.append(whole))

    assert not notices(name, seed("records", -4))
    assert unsealed == [{"id": 7, "note": SECRET, "field": SECRET, "lines": [{"n": 1, "secret": SECRET}, {"n": 2}]}]


@pytest.mark.parametrize(
    "change",
    [
        {"record": {"id": 8}, "bound_to": None},
        {"record": {"id": 7, "gone": 1}},
        {"inner": '[1, [["field","x"]],[["id",{"$n":"7E0"}]],[]]'},
        {"bound_to": {"id": 8}},
    ],
    ids=str,
)
def test_a_record_that_is_unsealed_beside_what_it_was_not_sealed_with_is_noticed(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    document = {
        "kind": "record",
        "record": {"id": 7},
        "inner": [1, [["field", "x"]], [["id", {"$n": "7E0"}], ["gone"]], []],
        "bound_to": {"id": 7},
    }
    assert not notices("records", document)
    assert not notices("records", {**document, **change})
    monkeypatch.setattr(records_module, "_check_unchanged", lambda *_: None)
    monkeypatch.setattr(records_module, "_check_expected", lambda *_: None)
    monkeypatch.setattr(records_module._Content, "to_json", lambda _: Anything())

    assert notices("records", {**document, **change})


class Anything:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0


def test_a_wrapped_key_of_another_context_that_is_used_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    under_another_context = target("branch_keys").seeds()[7]
    assert not notices("branch_keys", under_another_context)
    monkeypatch.setattr(AwsKmsHierarchicalKeyring, "_unwrap", lambda *_: Forgery().secrets[0])

    assert notices("branch_keys", under_another_context)


def test_an_error_that_shows_a_branch_key_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "warmkey.branch_keys.hierarchical_keyring._failed", lambda *_: KeyUnavailable(TENANT_A.key.hex())
    )

    assert notices("branch_keys", target("branch_keys").seeds()[7])


def test_more_requests_than_wrapped_keys_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Insisting(FakeBranchKeyStore):
        def get_branch_key_version(self, *asked: str) -> BranchKeyMaterials:
            super().get_branch_key_version(*asked)
            return super().get_branch_key_version(*asked)

    monkeypatch.setattr("tests.vectors.branch_key_forge.FakeBranchKeyStore", Insisting)

    assert notices("branch_keys", target("branch_keys").seeds()[0])


def test_a_masked_payload_of_another_context_that_is_decrypted_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = {**seed("masking"), "asked": {}}, {**seed("records"), "asked": {}}
    assert not any(notices("masking", document) for document in documents)
    monkeypatch.setattr("warmkey.powertools.data_masking._check_exact", lambda *_: None)

    assert all(notices("masking", document) for document in documents)


def test_a_masked_field_that_was_not_encrypted_and_counts_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    document = {**seed("masking", -4), "fields": ["id"]}
    assert not notices("masking", document)
    monkeypatch.setattr("warmkey.powertools.data_masking.check_sealed", lambda *_: None)

    assert notices("masking", document)


def test_an_error_of_data_masking_that_says_something_else_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not notices("masking", {**seed("masking"), "asked": {}})
    monkeypatch.setattr("warmkey.powertools.failures._kind", lambda *_: lambda _: DataMaskingDecryptValueError("no"))

    assert notices("masking", {**seed("masking"), "asked": {}})


def test_an_item_that_was_changed_and_is_used_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    document = seed("items")
    document["item"]["create-time"]["S"] = "another"
    assert not notices("items", document)
    monkeypatch.setattr("warmkey.branch_keys.store.WrappedKeys.unwrap", lambda *_: bytes(32))

    assert notices("items", document)


def test_an_item_that_writes_to_the_terminal_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    document = seed("items")
    document["item"]["create-time"]["S"] = "\x1b[2J"
    assert not notices("items", document)
    monkeypatch.setattr("warmkey.cli.keystore._legible", lambda line: line)

    assert notices("items", document)


@pytest.mark.parametrize(
    ("name", "fake"),
    [
        ("faults", lambda _: []),
        ("read_settings", lambda _: (_ for _ in ()).throw(PolicyRefused("no"))),
        ("read_settings", lambda _: (_ for _ in ()).throw(ConfigurationError("something is wrong"))),
        ("read_settings", lambda _: Settings(kms_key_arns=("x" * 3,), kms_mode=KmsMode.DISCOVERY)),
    ],
    ids=["no faults", "another kind", "no name", "accepted"],
)
def test_a_bad_setting_that_is_not_named_is_noticed(monkeypatch: pytest.MonkeyPatch, name: str, fake: Any) -> None:
    monkeypatch.setattr(f"fuzz.targets.settings.{name}", fake)

    assert notices("settings", {"variables": {"CACHE": "perhaps"}})


def test_settings_that_no_client_can_be_built_with_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warmkey.lambda_runtime.parsers._named", lambda _, name: name)

    assert notices(
        "settings",
        {"variables": {**seed("settings")["variables"], "BRANCH_KEY_STORE_TABLE": "b", "BRANCH_KEY_ID": "a"}},
    )


def test_a_report_with_what_is_not_text_or_not_json_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    data = target("traces").seeds()[0]
    assert not notices("traces", data)
    for name, fake in {
        "as_text": lambda _: "\x1b[2J",
        "as_json": lambda *_, **__: "NaN",
    }.items():
        with monkeypatch.context() as patch:
            patch.setattr(f"warmkey.plan.command.{name}", fake)
            assert notices("traces", data)


def test_a_label_of_a_context_in_a_report_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    data = target("logs").seeds()[4]
    assert not notices("logs", data)
    monkeypatch.setattr("warmkey.plan.command.as_text", lambda _: SECRET)

    assert notices("logs", data)


def test_a_report_of_a_message_that_is_not_text_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warmkey.cli.report._shown", lambda text: text)

    assert notices("inspect", Forgery(pairs=[(b"\x1b[2J", b"")]).message())
