"""The canary: is the layer whole, and may this function use the key? One message goes there and back.

Invoke it after every deployment; it fails when something that a user's function needs is missing. With the variable
``SELF_CHECK=on`` it also says what is wrong: :func:`warmkey.self_check` runs first, and its findings are in the log.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import warmkey

_CONTEXT = {"purpose": "canary"}


def handler(_event: object, context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's
    """Encrypt and decrypt fresh bytes, with KMS asked both times; return what signed them and the layer's manifest."""
    examined = _examined(context) if os.environ.get("SELF_CHECK") == "on" else {}
    warmkey.purge()
    plaintext = os.urandom(1024)
    message = warmkey.encrypt(plaintext, _CONTEXT)
    warmkey.purge()  # a cached data key would tell nothing of the permission to decrypt
    if warmkey.decrypt(message, _CONTEXT) != plaintext:
        raise RuntimeError("what was decrypted is not what was encrypted")
    return {"round_trip": "ok", "signatures": warmkey.cache_info().signatures, "layer": _manifest(), **examined}


def _examined(context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's
    """Return the codes and counts of the self-check; what they are about is in the log."""
    seconds = context.get_remaining_time_in_millis() / 1000
    return {"self_check": warmkey.self_check(_CONTEXT, function_timeout=seconds)}


def _manifest() -> dict[str, Any]:
    path = Path(warmkey.__file__).parent.parent / "warmkey_layer.json"
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return manifest
