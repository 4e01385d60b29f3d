"""The table of settings: what each takes, what it refuses and how it says so, and that the docs tell the same."""

from __future__ import annotations

import inspect
import re
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

import warmkey
from warmkey import AlgorithmSuite, CommitmentPolicy, ConfigurationError
from warmkey.lambda_runtime import settings
from warmkey.lambda_runtime.keywords import Keywords, SettingsKeywords
from warmkey.lambda_runtime.settings import ROWS, VARIABLES, Init, KmsMode, Settings, read_settings
from warmkey.observability.metrics import MetricsMode

KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_KEY = "arn:aws:kms:us-east-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"
ALIAS = "arn:aws:kms:eu-west-1:111122223333:alias/orders"
COMMIT_KEY = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def a_key(environment: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMKEY_KMS_KEY_ARNS", KEY)


# --- what is taken


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("KMS_KEY_ARNS", f" {KEY} , {OTHER_KEY} ", (KEY, OTHER_KEY)),
        ("DECRYPT_KEY_ARNS", OTHER_KEY, (OTHER_KEY,)),
        ("KMS_MODE", "mrk", KmsMode.MRK),
        ("KMS_CONNECT_TIMEOUT_SECONDS", "0.5", 0.5),
        ("KMS_READ_TIMEOUT_SECONDS", "2", 2.0),
        ("KMS_MAX_ATTEMPTS", "1", 1),
        ("CACHE", "off", False),
        ("CACHE", "on", True),
        ("CACHE_CAPACITY", "0", 0),
        ("MAX_AGE_SECONDS", " 60 ", 60.0),
        ("MAX_AGE_SECONDS", ".5", 0.5),
        ("MAX_AGE_JITTER", "0", 0.0),
        ("MAX_MESSAGES_ENCRYPTED", "4294967296", 2**32),
        ("MAX_BYTES_ENCRYPTED", "9223372036854775807", 2**63 - 1),
        ("REFRESH_AHEAD", "on", True),
        ("PARTITION_ID", "orders", "orders"),
        ("ALGORITHM_SUITE", "AES_256_GCM_HKDF_SHA512_COMMIT_KEY", COMMIT_KEY),
        ("ALGORITHM_SUITE", "0x0478", COMMIT_KEY),
        ("ALGORITHM_SUITE", "0478", COMMIT_KEY),
        ("COMMITMENT_POLICY", "REQUIRE_ENCRYPT_ALLOW_DECRYPT", CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT),
        ("MAX_ENCRYPTED_DATA_KEYS", "65535", 65535),
        ("FRAME_LENGTH", "4294967295", 2**32 - 1),
        ("FRAME_LENGTH", "auto", "auto"),
        ("REQUIRED_CONTEXT_KEYS", "tenant, purpose", ("tenant", "purpose")),
        ("INIT", "lazy", Init.LAZY),
        ("METRICS", "detailed", MetricsMode.DETAILED),
        ("METRICS_NAMESPACE", "Orders", "Orders"),
        ("SERVICE_NAME", "orders", "orders"),
    ],
)
def test_a_variable_becomes_a_typed_value(monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: Any) -> None:
    monkeypatch.setenv(f"WARMKEY_{name}", text)

    found = getattr(read_settings({}), name.lower())

    assert (value, type(value)) == (found, type(found))


@pytest.mark.parametrize(
    ("keyword", "given", "value"),
    [
        ("kms_key_arns", [OTHER_KEY], (OTHER_KEY,)),
        ("kms_key_arns", OTHER_KEY, (OTHER_KEY,)),
        ("decrypt_key_arns", (OTHER_KEY,), (OTHER_KEY,)),
        ("required_context_keys", {"tenant"}, ("tenant",)),
        ("cache", False, False),
        ("cache", "off", False),
        ("max_age_seconds", 60, 60),
        ("max_age_seconds", "60", 60.0),
        ("algorithm_suite", COMMIT_KEY, COMMIT_KEY),
        ("algorithm_suite", 0x0478, COMMIT_KEY),
        ("algorithm_suite", "0x0478", COMMIT_KEY),
        ("commitment_policy", CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT,
         CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT),
        ("kms_mode", KmsMode.DISCOVERY, KmsMode.DISCOVERY),
        ("init", "lazy", Init.LAZY),
    ],
)  # fmt: skip
def test_configure_takes_text_and_typed_values(keyword: str, given: Any, value: Any) -> None:
    assert value == getattr(read_settings({keyword: given}), keyword)


def test_a_keyword_stands_above_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMKEY_MAX_AGE_SECONDS", "ten")

    assert read_settings({"max_age_seconds": 10}).max_age_seconds == 10


def test_without_variables_every_default_holds() -> None:
    assert Settings(kms_key_arns=(KEY,)) == read_settings({})


@pytest.mark.parametrize("name", [name for name in ROWS if name not in ("kms_key_arns", "discovery_accounts")])
def test_every_default_is_what_its_parser_gives(name: str) -> None:
    row = ROWS[name]
    if row.default not in (None, ()):
        assert row.default == row.metadata["parse"](as_text(row.default)) == row.metadata["parse"](row.default)


def as_text(value: object) -> str:
    """A value as its variable would say it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, Enum):
        return str(value.value)
    return ",".join(value) if isinstance(value, tuple) else str(value)


# --- what is refused


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("KMS_MODE", "Strict"),
        ("KMS_CONNECT_TIMEOUT_SECONDS", "0"),
        ("KMS_READ_TIMEOUT_SECONDS", "-1"),
        ("KMS_MAX_ATTEMPTS", "0"),
        ("KMS_MAX_ATTEMPTS", "11"),
        ("CACHE", "yes"),
        ("CACHE", "True"),
        ("CACHE_CAPACITY", "-1"),
        ("CACHE_CAPACITY", "1e3"),
        ("CACHE_CAPACITY", "1_000"),
        ("CACHE_CAPACITY", "10.0"),
        ("CACHE_CAPACITY", "1000000001"),
        ("CACHE_CAPACITY", "99999999999999999999999"),
        ("CACHE_CAPACITY", "१०"),
        ("MAX_AGE_SECONDS", "0"),
        ("MAX_AGE_SECONDS", "nan"),
        ("MAX_AGE_SECONDS", "inf"),
        ("MAX_AGE_SECONDS", "5m"),
        ("MAX_AGE_SECONDS", "1e9"),
        ("MAX_AGE_SECONDS", "1000000001"),
        ("MAX_AGE_JITTER", "1"),
        ("MAX_MESSAGES_ENCRYPTED", "0"),
        ("MAX_MESSAGES_ENCRYPTED", "4294967297"),
        ("MAX_BYTES_ENCRYPTED", "9223372036854775808"),
        ("MAX_BYTES_ENCRYPTED", "9" * 5000),
        ("REFRESH_AHEAD", "1"),
        ("PARTITION_ID", "a\x01b"),
        ("PARTITION_ID", "a\udc80"),
        ("ALGORITHM_SUITE", "0x9999"),
        ("ALGORITHM_SUITE", "47"),
        ("ALGORITHM_SUITE", "AES_256"),
        ("COMMITMENT_POLICY", "REQUIRE"),
        ("MAX_ENCRYPTED_DATA_KEYS", "0"),
        ("FRAME_LENGTH", "0"),
        ("FRAME_LENGTH", "4294967296"),
        ("FRAME_LENGTH", "automatic"),
        ("REQUIRED_CONTEXT_KEYS", "tenant,,purpose"),
        ("REQUIRED_CONTEXT_KEYS", "tenant,tenant"),
        ("REQUIRED_CONTEXT_KEYS", "aws-crypto-public-key"),
        ("REQUIRED_CONTEXT_KEYS", "tenant,warmkey-kind"),
        ("INIT", "now"),
        ("METRICS", "on"),
        ("KMS_KEY_ARNS", f"{KEY},"),
        ("KMS_KEY_ARNS", f"{KEY}, {KEY}"),
        ("KMS_KEY_ARNS", "arn:aws:s3:::bucket"),
        ("DECRYPT_KEY_ARNS", ALIAS),
        ("DECRYPT_KEY_ARNS", "1234abcd-12ab-34cd-56ef-1234567890ab"),
        ("DISCOVERY_ACCOUNTS", "1111-2222-3333"),
        ("BRANCH_KEY_STORE_TABLE", "no"),
        ("BRANCH_KEY_STORE_TABLE", "a table"),
        ("BRANCH_KEY_ID", "é" * 1025),
        ("BRANCH_KEY_CONTEXT_KEY", "aws-crypto-tenant"),
    ],
)
def test_a_bad_value_is_named_with_its_variable_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(f"WARMKEY_{name}", text)

    with pytest.raises(ConfigurationError) as caught:
        read_settings({})

    allowed = ROWS[name.lower()].metadata["allowed"]
    said = f"WARMKEY_{name} must be {allowed}"
    assert str(caught.value).startswith((f"{said}, not {text!r}", f"{said}, not str of length ", f"{said}; "))


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("cache", 1),
        ("cache", None),
        ("cache_capacity", True),
        ("cache_capacity", 1.0),
        ("max_age_seconds", float("inf")),
        ("max_age_seconds", float("nan")),
        ("max_age_seconds", True),
        ("max_age_seconds", None),
        ("max_age_jitter", -0.1),
        ("kms_key_arns", 7),
        ("kms_key_arns", [KEY, None]),
        ("partition_id", 7),
        ("algorithm_suite", 0x9999),
        ("algorithm_suite", []),
        ("commitment_policy", []),
    ],
)
def test_a_bad_keyword_is_named_as_it_was_given(keyword: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"^{keyword} must be .*(, not |; an item is NoneType)"):
        read_settings({keyword: value})


COLLECTIONS = ["kms_key_arns", "decrypt_key_arns", "discovery_accounts", "required_context_keys"]


@pytest.mark.parametrize("keyword", COLLECTIONS)
@pytest.mark.parametrize("empty", [[], (), set(), frozenset(), "", " ", ",", [""]], ids=repr)
def test_an_empty_collection_is_refused_and_does_not_mean_everything(keyword: str, empty: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"^{keyword} must be one or more "):
        read_settings({"kms_mode": "discovery", keyword: empty})


def test_every_setting_that_takes_several_is_among_those_tested_for_being_empty() -> None:
    assert [name for name, row in ROWS.items() if row.default == ()] == COLLECTIONS


@pytest.mark.parametrize("name", [name for name in ROWS if name not in COLLECTIONS])
@pytest.mark.parametrize("empty", ["", [], (), None, b""], ids=repr)
def test_nothing_is_no_value_of_any_other_setting(name: str, empty: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} must be "):
        read_settings({name: empty})


ZERO_MEANS_WHAT_THE_PAGE_SAYS = {"cache_capacity", "max_age_jitter", "max_bytes_encrypted", "remember_failures_seconds"}


@pytest.mark.parametrize("name", ROWS)
def test_zero_is_refused_or_documented(name: str) -> None:
    if name in ZERO_MEANS_WHAT_THE_PAGE_SAYS:
        assert getattr(read_settings({name: 0}), name) == 0
        assert f"`{name.upper()}=0`" in PAGE.read_text()
        return
    with pytest.raises(ConfigurationError, match=f"^{name} must be "):
        read_settings({name: 0})


@pytest.mark.parametrize("keyword", ["kms_key_arns", "decrypt_key_arns"])
@pytest.mark.parametrize("kind", [set, frozenset])
def test_a_set_of_keys_is_refused_because_their_order_matters(keyword: str, kind: type) -> None:
    with pytest.raises(ConfigurationError, match=rf"^{keyword} must be .*; the order matters, and a set has none"):
        read_settings({keyword: kind([KEY])})


def test_what_has_no_order_may_be_a_set() -> None:
    assert read_settings({"required_context_keys": {"tenant"}}).required_context_keys == ("tenant",)


@pytest.mark.parametrize("name", ROWS)
def test_a_key_that_went_astray_is_not_repeated_in_the_error(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} must be .*, not bytes of length 16") as caught:
        read_settings({name: b"0123456789abcdef"})

    assert "0123456789" not in str(caught.value)


@pytest.mark.parametrize("name", VARIABLES)
def test_an_empty_variable_is_no_silent_default(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, " ")

    with pytest.raises(ConfigurationError, match=f"^{name} must be .*, not empty"):
        read_settings({})


def test_a_list_says_what_is_wrong_with_which_item(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMKEY_DECRYPT_KEY_ARNS", f"{KEY}, {ALIAS}")

    with pytest.raises(ConfigurationError, match=rf"; '{ALIAS}' is not a key ARN$"):
        read_settings({})


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("WARMKEY_MAX_AGE", "did you mean WARMKEY_MAX_AGE_JITTER or WARMKEY_MAX_AGE_SECONDS?"),
        ("WARMKEY_KMS_KEY_ARN", "did you mean WARMKEY_KMS_KEY_ARNS?"),
        ("WARMKEY_CACHE_CAPACITIES", "did you mean WARMKEY_CACHE_CAPACITY?"),
        ("WARMKEY_QQQQ", "the settings are WARMKEY_ALGORITHM_SUITE, WARMKEY_BRANCH_KEY_CONTEXT_KEY, "),
    ],
)
def test_an_unknown_variable_is_answered_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, name: str, nearest: str
) -> None:
    monkeypatch.setenv(name, "1")

    with pytest.raises(ConfigurationError, match=re.escape(f"{name} is not a setting of warmkey; {nearest}")):
        read_settings({})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("WARMKEY_MAXAGE", "WARMKEY_MAX_AGE_JITTER or WARMKEY_MAX_AGE_SECONDS"),
        ("WARMKEY_max_age_seconds", "WARMKEY_MAX_AGE_SECONDS"),
        ("warmkey_max_age_seconds", "WARMKEY_MAX_AGE_SECONDS"),
        ("WARMKEY_WARMKEY_INIT", "WARMKEY_INIT"),
    ],
)
def test_case_prefix_and_underscores_do_not_hide_what_was_meant(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    monkeypatch.setenv(name, "1")

    with pytest.raises(ConfigurationError, match=f"^{name} is not a setting of warmkey; did you mean {meant}\\?$"):
        read_settings({})


@pytest.mark.parametrize("name", ["KMS_KEY_ARNS", "WARMKEY_KMS_KEY_ARNS", "warmkey_kms_key_arns", "kmskeyarns"])
def test_a_keyword_of_another_case_or_prefix_gets_the_right_name(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"no setting '{name}'; did you mean kms_key_arns\\?$"):
        read_settings({name: KEY})


def test_a_variable_of_somebody_else_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("warmkey_home", "1")

    assert read_settings({}).kms_key_arns == (KEY,)


@pytest.mark.parametrize("given", ["hunter2", "hunter2,hunter3", "S3cret!", "correct horse battery staple"])
@pytest.mark.parametrize("name", ROWS)
def test_a_password_is_not_shown_whatever_setting_it_is_given_for(name: str, given: str) -> None:
    try:
        read_settings({name: given, "kms_mode": "discovery"} if name != "kms_mode" else {name: given})
    except ConfigurationError as error:
        told = str(error)
    else:
        told = ""  # it is taken: the text of a name may be anything

    assert not [word for word in re.split("[ ,]", given) if word in told], told


def test_a_password_as_a_name_is_not_shown() -> None:
    with pytest.raises(ConfigurationError, match=r"of the given name, str of length 13; the settings are ") as caught:
        read_settings({"hunter2secret": 1})

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("given", ["hunter2", ["hunter2"]])
def test_an_item_that_is_refused_is_described_once(given: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_settings({"kms_key_arns": given})

    assert str(caught.value) == (
        f"kms_key_arns must be {ROWS['kms_key_arns'].metadata['allowed']}; each must be a key ARN, an alias ARN, "
        "alias/NAME or a key ID, not str of length 7"
    )


def test_a_key_that_is_given_twice_is_shown_once() -> None:
    with pytest.raises(ConfigurationError, match="occurs twice") as caught:
        read_settings({"kms_key_arns": f"{KEY}, {KEY}"})

    assert str(caught.value).count(KEY) == 1


@pytest.mark.parametrize("name", ["kms_key_arns", "decrypt_key_arns"])
def test_an_account_in_an_arn_has_twelve_digits(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"the account ID of 'arn:aws:kms:eu-west-1:1111:key/.*' is not 12"):
        read_settings({name: "arn:aws:kms:eu-west-1:1111:key/1234abcd-12ab-34cd-56ef-1234567890ab"})


@pytest.mark.parametrize("given", ["0.1234567890123456789", ".5", "5.", "000000000000000000000000000001"])
def test_a_number_in_digits_is_taken_however_many_they_are(given: str) -> None:
    assert read_settings({"max_age_seconds": given}).max_age_seconds == float(given)


@pytest.mark.parametrize("given", [1e9, "1000000000", 10**9], ids=lambda given: type(given).__name__)
def test_bounds_are_the_same_for_text_and_typed_values(given: Any) -> None:
    assert read_settings({"max_age_seconds": given}).max_age_seconds == 10**9
    for more in (float(given) * 1.1, str(int(float(given)) + 1)):
        with pytest.raises(ConfigurationError, match="greater than 0, to 1000000000, not "):
            read_settings({"max_age_seconds": more})


@pytest.mark.parametrize("given", ["0x478", "0478", "478", "0x0478"])
def test_an_algorithm_suite_may_leave_its_zero_out(given: str) -> None:
    assert read_settings({"algorithm_suite": given}).algorithm_suite == AlgorithmSuite(0x0478)


def test_an_unknown_keyword_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError, match=r"no setting 'max_age_second'; did you mean max_age_seconds\?"):
        read_settings({"max_age_second": 60})


# --- settings that exclude each other


def test_without_a_key_the_error_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WARMKEY_KMS_KEY_ARNS")

    with pytest.raises(ConfigurationError, match=r"^WARMKEY_KMS_KEY_ARNS is missing; set it to one or more KMS"):
        read_settings({})


@pytest.mark.parametrize("identifier", [ALIAS, "alias/orders", "1234abcd-12ab-34cd-56ef-1234567890ab"])
def test_an_alias_alone_is_refused_because_it_could_not_decrypt(identifier: str) -> None:
    with pytest.raises(ConfigurationError, match=r"could not be decrypted.*WARMKEY_DECRYPT_KEY_ARNS"):
        read_settings({"kms_key_arns": identifier})


@pytest.mark.parametrize("more", [{"decrypt_key_arns": KEY}, {"kms_mode": "discovery"}])
def test_an_alias_is_taken_where_something_else_decrypts(more: dict[str, str]) -> None:
    assert read_settings({"kms_key_arns": ALIAS, **more}).kms_key_arns == (ALIAS,)


def test_discovery_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WARMKEY_KMS_KEY_ARNS")

    assert read_settings({"kms_mode": "discovery"}).kms_key_arns == ()


def test_accounts_without_discovery_would_do_nothing_and_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="WARMKEY_DISCOVERY_ACCOUNTS is set while WARMKEY_KMS_MODE is strict"):
        read_settings({"discovery_accounts": "111122223333"})


def test_accounts_are_taken_with_discovery() -> None:
    found = read_settings({"discovery_accounts": "111122223333, 444455556666", "kms_mode": "discovery"})

    assert found.discovery_accounts == ("111122223333", "444455556666")


def test_a_suite_that_the_policy_forbids_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"HKDF_SHA256, which WARMKEY_COMMITMENT_POLICY=REQUIRE.* allowed: A"):
        read_settings({"algorithm_suite": 0x0178})


def test_more_keys_than_a_message_may_have_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"WARMKEY_KMS_KEY_ARNS has 2 keys.*MAX_ENCRYPTED_DATA_KEYS allows 1"):
        read_settings({"kms_key_arns": [KEY, OTHER_KEY], "max_encrypted_data_keys": 1})


# --- Lambda's own variables


def test_eager_is_read_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.one_setting("init", {}) is not settings.Init.EAGER
    assert settings.one_setting("init", {"init": "eager"}) is settings.Init.EAGER
    monkeypatch.setenv("WARMKEY_INIT", "eager")
    assert settings.one_setting("init", {}) is settings.Init.EAGER
    assert settings.one_setting("init", {"init": "lazy"}) is not settings.Init.EAGER
    monkeypatch.setenv("WARMKEY_INIT", "eagre")
    with pytest.raises(ConfigurationError, match=r"^WARMKEY_INIT must be lazy or eager, not 'eagre'"):
        settings.one_setting("init", {})


def test_the_region_is_that_of_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.home_region() == "eu-west-1"
    monkeypatch.delenv("AWS_REGION")
    assert settings.home_region() is None
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert settings.home_region() == "eu-central-1"


# --- types


def test_the_keywords_that_a_type_checker_knows_are_the_settings() -> None:
    assert list(SettingsKeywords.__annotations__) == list(ROWS)


def test_they_and_the_arguments_of_configure_are_all_keywords() -> None:
    parameters = inspect.signature(warmkey.configure).parameters

    assert Keywords.__annotations__.keys() - SettingsKeywords.__annotations__.keys() == parameters.keys() - {"settings"}


# --- the docs


def documented() -> dict[str, tuple[str, str]]:
    """Allowed values and default of each variable in the page's tables."""
    rows = re.findall(r"^\| `(WARMKEY_\w+)` \| (.+?) \| (.+?) \|", PAGE.read_text(), re.MULTILINE)
    assert len(rows) == len({name for name, *_ in rows})
    return {name: (allowed, default) for name, allowed, default in rows}


def test_the_page_lists_every_setting_and_no_other() -> None:
    assert set(VARIABLES) == set(documented())


@pytest.mark.parametrize("name", VARIABLES)
def test_the_page_tells_the_default(name: str) -> None:
    default = VARIABLES[name].default
    expected = "–" if default in (None, ()) else f"`{as_text(default)}`"

    assert expected == documented()[name][1]


@pytest.mark.parametrize("name", VARIABLES)
def test_the_page_tells_what_is_allowed_in_the_words_of_the_error(name: str) -> None:
    allowed = documented()[name][0].replace("`", "").replace("\\", "")

    assert VARIABLES[name].metadata["allowed"] == allowed


@pytest.mark.parametrize("name", VARIABLES)
def test_the_page_explains_each_setting_below_the_tables(name: str) -> None:
    _, _, explanations = PAGE.read_text().partition("\n## ")

    assert f"`{name.removeprefix('WARMKEY_')}`" in explanations


@pytest.mark.parametrize(
    ("program", "original", "expected"),
    [
        ("/usr/local/bin/warmkey", [], True),
        ("warmkey.exe", [], True),
        ("/var/runtime/bootstrap.py", [], False),
        ("-m", ["python", "-m", "warmkey", "plan"], True),
        ("-m", ["python", "-m", "pytest", "warmkey"], False),
    ],
)
def test_the_command_line_is_known_by_its_name(
    program: str, original: list[str], monkeypatch: pytest.MonkeyPatch, *, expected: bool
) -> None:
    monkeypatch.setattr("sys.argv", [program, "plan"])
    monkeypatch.setattr("sys.orig_argv", original)

    assert settings.is_command_line() is expected
