"""The canary: is the layer whole, and may this function use the key? One message there and back, then say what is here.

Deploy it with the layer and invoke it after every change of either; it fails when anything a user's function needs does.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import warmkey

_CONTEXT = {"purpose": "canary"}


def handler(_event: object, _context: object) -> dict[str, Any]:
    """Encrypt and decrypt fresh bytes; return the layer's manifest."""
    plaintext = os.urandom(1024)
    if warmkey.decrypt(warmkey.encrypt(plaintext, _CONTEXT), _CONTEXT) != plaintext:
        raise RuntimeError("what was decrypted is not what was encrypted")
    return {"round_trip": "ok", "layer": _manifest()}


def _manifest() -> Any:
    manifest = Path(warmkey.__file__).parent.parent / "warmkey_layer.json"
    return json.loads(manifest.read_text(encoding="utf-8")) if manifest.exists() else None
