"""``first_message.py``, one thing after the other. Its last line has the name of each step and when it was over."""

import json
import time

STEPS = [("interpreter", time.monotonic())]


def step(name: str) -> None:
    """It is over now."""
    STEPS.append((name, time.monotonic()))


step("import cryptography")
import warmkey

step("import warmkey")

step("import botocore")
warmkey.warm_up()
step("make the KMS client")
warmkey.encrypt(b"first message", {"purpose": "benchmark"})
step("first message, its data key from KMS")
warmkey.encrypt(b"second message", {"purpose": "benchmark"})
step("second message")
print(json.dumps(STEPS))
