"""The least that a program does with warmkey: one message. Its last line tells when it was there, and the message."""

import time

import warmkey

message = warmkey.encrypt(b"first message", {"purpose": "benchmark"})
print(time.monotonic(), message.hex())
