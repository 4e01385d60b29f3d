"""What holds key material is neither pickled nor copied, by whatever way Python offers."""

from __future__ import annotations

import copy
import importlib
import pickle
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import warmkey
from warmkey.unpicklable import Unpicklable

if TYPE_CHECKING:
    from collections.abc import Callable

HOLDERS = {
    "warmkey.caches.interface.CacheEntry",
    "warmkey.client_apis.streams.MessageStream",
    "warmkey.crypto.ecdh.EcdhPrivateKey",
    "warmkey.crypto.rsa.RsaPrivateKey",
    "warmkey.crypto.signatures.EcdsaSigningKey",
    "warmkey.structures.materials.DecryptionMaterials",
    "warmkey.structures.materials.EncryptionMaterials",
}


class Holder(Unpicklable):
    """Holds a secret."""

    def __init__(self) -> None:
        self.secret = "s3cret"


WAYS_OUT: dict[str, Callable[[object], object]] = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    **{f"pickle {protocol}": partial(pickle.dumps, protocol=protocol) for protocol in range(6)},
    "__reduce__": lambda thing: thing.__reduce__(),
    "__reduce_ex__": lambda thing: thing.__reduce_ex__(4),
}


@pytest.mark.parametrize("leave", WAYS_OUT.values(), ids=WAYS_OUT)
def test_every_way_out_is_refused(leave: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match=r"^Holder holds key material and can't be pickled or copied$") as caught:
        leave(Holder())

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(HOLDERS))
def test_these_hold_key_material(name: str) -> None:
    module, _, kind = name.rpartition(".")

    assert issubclass(getattr(importlib.import_module(module), kind), Unpicklable)


def test_there_is_no_other_way_to_refuse() -> None:
    """But in the test kit, which knows public names only."""
    sources = Path(warmkey.__file__).parent.rglob("*.py")
    refusing = {path for path in sources if "can't be pickled" in path.read_text(encoding="utf-8")}

    assert {path.name for path in refusing if path.parent.name != "testing"} == {"unpicklable.py"}
