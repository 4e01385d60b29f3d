"""``first_message.py``, one thing after the other. Its last line has the name of each step and when it was over."""

import json
import time
from importlib import import_module

STEPS = [("interpreter", time.monotonic())]


def step(name: str, *modules: str) -> None:
    """Import *modules*, and it is over."""
    for module in modules:
        import_module(module)
    STEPS.append((name, time.monotonic()))


step(
    "import cryptography",
    "cryptography.hazmat.primitives.asymmetric.ec",
    "cryptography.hazmat.primitives.ciphers.aead",
    "cryptography.hazmat.primitives.hmac",
)
step("import warmkey", "warmkey")
step("import botocore", "botocore.session")

import warmkey

warmkey.warm_up()
step("make the KMS client")
warmkey.encrypt(b"first message", {"purpose": "benchmark"})
step("first message, with data key from KMS")
warmkey.encrypt(b"second message", {"purpose": "benchmark"})
step("second message")
print(json.dumps(STEPS))
