"""A million distinct encryption contexts through a cache of a hundred entries: memory does not follow.

python -m tests.stress.many_contexts --contexts 1000000
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from pathlib import Path

from tests.cmms.stage import UNSIGNED, encrypt_request
from warmkey import CachingCMM, EncryptedDataKey, LocalCMC
from warmkey.structures import (
    DecryptionMaterials,
    DecryptMaterialsRequest,
    EncryptionMaterials,
    EncryptionMaterialsRequest,
)
from warmkey.testing import SettableClock

CAPACITY = 100
ALLOWED_MEGABYTES = 4


class Light:
    """An underlying CMM that makes materials of hardly any cost, and keeps nothing."""

    def get_encryption_materials(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        return EncryptionMaterials(
            algorithm_suite=UNSIGNED,
            encryption_context=request.encryption_context,
            encrypted_data_keys=[EncryptedDataKey(key_provider_id="p", key_provider_info=b"i", ciphertext=b"c" * 200)],
            plaintext_data_key=b"k" * 32,
        )

    def decrypt_materials(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        return DecryptionMaterials(
            algorithm_suite=UNSIGNED, encryption_context=request.encryption_context, plaintext_data_key=b"k" * 32
        )


class Passage:
    """Requests that all differ, each an encrypt and a decrypt, while time passes."""

    def __init__(self) -> None:
        self.clock = SettableClock()
        self.cache = LocalCMC(CAPACITY, clock=self.clock)
        self.cmm = CachingCMM(cache=self.cache, cmm=Light(), max_age=60, clock=self.clock)

    def go(self, number: int) -> None:
        """The requests of one context."""
        request = encrypt_request(1, {"message": f"{number:0200}"})
        self.cmm.get_encryption_materials(request)
        self.cmm.decrypt_materials(
            DecryptMaterialsRequest(
                algorithm_suite=UNSIGNED,
                commitment_policy=request.commitment_policy,
                encrypted_data_keys=[
                    EncryptedDataKey(key_provider_id="p", key_provider_info=b"i", ciphertext=b"%200d" % number)
                ],
                encryption_context=request.encryption_context,
            )
        )
        self.clock.tick(0.1)


def resident_megabytes() -> float:
    """Of this process, now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.stress.many_contexts", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--contexts", type=int, default=1_000_000)
    contexts = parser.parse_args().contexts
    passage, readings = Passage(), []
    for number in range(contexts):
        passage.go(number)
        if (number + 1) % (contexts // 10) == 0:
            gc.collect()
            readings.append(resident_megabytes())
            print(f"{number + 1} contexts: {readings[-1]:.1f} MB resident", flush=True)  # noqa: T201 - its output
    if readings[-1] - readings[0] > ALLOWED_MEGABYTES:
        sys.exit(f"memory grew by {readings[-1] - readings[0]:.1f} MB")


if __name__ == "__main__":
    main()
