"""Which library signs and verifies: what was chosen, and for ``auto`` what is there when the first key is made."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import awscrt.crypto  # noqa: F401 - so that a test can hide it, and have it back
import pytest

from tests.lambda_runtime.processes import in_new_process
from warmkey import crypto, fork_safety
from warmkey.algorithm_suites import SignatureAlgorithm
from warmkey.crypto import signature_library
from warmkey.crypto.signature_library import SignatureChoice, choose, chosen, decided_library, start_over
from warmkey.crypto.signatures import EcdsaSigningKey, EcdsaVerificationKey, library_in_use
from warmkey.exceptions import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

ALGORITHM = SignatureAlgorithm.ECDSA_P384
AUTO, CRYPTOGRAPHY, AWSCRT = SignatureChoice


@pytest.fixture
def is_loaded(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Whether somebody has loaded awscrt, as a test has it."""
    state = SimpleNamespace(answer=True)
    monkeypatch.setattr(signature_library, "_is_loaded", lambda: state.answer)
    return state


def without_awscrt(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process, as if awscrt were not installed."""
    monkeypatch.delattr(crypto, "ecdsa_by_awscrt", raising=False)
    monkeypatch.delitem(sys.modules, "warmkey.crypto.ecdsa_by_awscrt", raising=False)
    for name in ("awscrt", "_awscrt"):
        monkeypatch.setitem(sys.modules, name, None)


def library_of_a_new_key() -> str | None:
    EcdsaSigningKey(ALGORITHM)
    return library_in_use()


# --- auto


@pytest.mark.parametrize(("loaded", "library"), [(True, "awscrt"), (False, "cryptography")])
def test_auto_takes_awscrt_where_it_is_loaded_already(is_loaded: Any, loaded: bool, library: str) -> None:
    is_loaded.answer = loaded

    assert (chosen(), library_in_use()) == (AUTO, None)
    assert library_of_a_new_key() == library


def test_a_verification_key_decides_too(is_loaded: Any) -> None:
    choose(CRYPTOGRAPHY)
    point = EcdsaSigningKey(ALGORITHM).verification_key
    choose(AUTO)
    assert library_in_use() is None

    EcdsaVerificationKey(ALGORITHM, point)

    assert library_in_use() == "awscrt"


def test_auto_decides_once(is_loaded: Any) -> None:
    is_loaded.answer = False
    library_of_a_new_key()
    is_loaded.answer = True
    choose(AUTO)

    assert library_of_a_new_key() == "cryptography"


def test_auto_decides_again_when_it_starts_over(is_loaded: Any) -> None:
    is_loaded.answer = False
    library_of_a_new_key()
    is_loaded.answer = True
    start_over()

    assert library_of_a_new_key() == "awscrt"


def test_auto_decides_again_after_a_restore_and_not_in_a_child(is_loaded: Any) -> None:
    is_loaded.answer = False
    library_of_a_new_key()
    is_loaded.answer = True
    fork_safety._reset_all(fork_safety.EvictionReason.FORK)
    assert library_of_a_new_key() == "cryptography"
    fork_safety.reset_after_restore()

    assert library_of_a_new_key() == "awscrt"


def test_a_restore_that_no_hook_has_told_is_noticed_by_the_next_key(
    is_loaded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = [True]
    monkeypatch.setattr(fork_safety, "_is_ahead", lambda: ahead[0])
    is_loaded.answer = False
    library_of_a_new_key()
    is_loaded.answer, ahead[0] = True, False

    assert library_of_a_new_key() == "awscrt"


@pytest.mark.parametrize("trouble", [ImportError("too old"), AttributeError("damaged"), OSError("worse")])
def test_an_awscrt_that_can_not_be_used_never_fails_auto(
    is_loaded: Any, trouble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise trouble

    monkeypatch.setattr(signature_library, "_awscrt", fail)

    assert library_of_a_new_key() == "cryptography"


# --- a choice


def test_what_is_chosen_later_concerns_later_keys() -> None:
    choose(AWSCRT)
    key = EcdsaSigningKey(ALGORITHM)
    choose(CRYPTOGRAPHY)
    verifying = EcdsaVerificationKey(ALGORITHM, key.verification_key)

    assert library_in_use() == "cryptography"
    verifying.verify(key.sign(bytes(48)), bytes(48))


def test_awscrt_stays_the_choice_after_a_restore() -> None:
    choose(AWSCRT)
    fork_safety.reset_after_restore()

    assert decided_library() is None
    assert library_of_a_new_key() == "awscrt"


def test_cryptography_never_looks_for_awscrt(is_loaded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature_library, "_awscrt", None)
    choose(CRYPTOGRAPHY)

    assert library_of_a_new_key() == "cryptography"


def test_a_choice_that_fails_leaves_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    without_awscrt(monkeypatch)
    choose(CRYPTOGRAPHY)
    with pytest.raises(ConfigurationError):
        choose(AWSCRT)

    assert chosen() is CRYPTOGRAPHY
    assert library_of_a_new_key() == "cryptography"


# --- with the real one, and with others, in processes of their own

FIRST_KEY = """
from warmkey.algorithm_suites import SignatureAlgorithm
from warmkey.crypto.signatures import EcdsaSigningKey, library_in_use
def first_key():
    EcdsaSigningKey(SignatureAlgorithm.ECDSA_P384)
    return library_in_use()
"""


@pytest.mark.parametrize(
    ("before", "library", "loaded"),
    [("", "cryptography", "False"), ("import _awscrt", "awscrt", "True"), ("import botocore.compat", "awscrt", "True")],
    ids=["nobody", "somebody", "botocore"],
)
def test_auto_loads_nothing_and_finds_what_is_loaded(before: str, library: str, loaded: str) -> None:
    done = in_new_process(f"{before}\nimport sys\n{FIRST_KEY}\nprint(first_key(), '_awscrt' in sys.modules)")

    assert done.stdout.split() == [library, loaded], done.stderr


def installed(folder: Path, *, version: str = "9.9", crypto: str = "", native: str = "") -> str:
    """A folder with an awscrt that is not the real one."""
    package = folder / "awscrt"
    package.mkdir()
    (package / "__init__.py").write_text(f"__version__ = {version!r}\n")
    (package / "crypto.py").write_text(crypto)
    (folder / "_awscrt.py").write_text(native)
    return str(folder)


OTHERS = {
    "too old": ({"version": "0.28.2"}, "awscrt 0.28.2 in .*/awscrt can't be used: warmkey needs 0.28.3 or later"),
    "of two versions": (
        {"crypto": "EC = ECType = type('ECType', (), {'P_256': 0, 'P_384': 1})"},
        r"awscrt 9.9 in .* can't be used: .*_awscrt.py has no ec_new_generate",
    ),
    "damaged": (
        {"native": "raise ImportError('cannot open shared object')"},
        "awscrt can't be loaded by Python .*: cannot open shared",
    ),
}


@pytest.mark.parametrize(("files", "problem"), OTHERS.values(), ids=OTHERS)
def test_another_awscrt_is_left_alone_by_auto_and_explained_to_who_chose_it(
    files: dict[str, str], problem: str, is_loaded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_awscrt(monkeypatch)
    for name in ("awscrt", "_awscrt", "awscrt.crypto"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(installed(tmp_path, **files))

    assert library_of_a_new_key() == "cryptography"
    with pytest.raises(ConfigurationError, match=rf"^WARMKEY_SIGNATURES is awscrt, but {problem}.*") as caught:
        choose(AWSCRT)
    assert "Install warmkey[crt]" in str(caught.value)
    assert "make layer VARIANT=crt" in str(caught.value)
    assert str(caught.value).endswith("or set WARMKEY_SIGNATURES to auto or cryptography")


def test_where_awscrt_is_not_installed_the_error_says_for_what(monkeypatch: pytest.MonkeyPatch) -> None:
    without_awscrt(monkeypatch)

    with pytest.raises(ConfigurationError, match=r"awscrt is not installed for Python 3\.\d+ on \w+\. Install"):
        choose(AWSCRT)


def test_a_module_that_is_blocked_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature_library, "_NATIVE_PART", "_awscrt")
    monkeypatch.setitem(sys.modules, "_awscrt", None)
    assert not signature_library._is_loaded()
    monkeypatch.setitem(sys.modules, "_awscrt", ModuleType("_awscrt"))
    assert signature_library._is_loaded()
