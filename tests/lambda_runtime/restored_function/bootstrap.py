"""Lambda's own runtime client with a snapshot in its middle. Runs beside the function, in an environment without us.

usage: bootstrap.py ADDRESS...

It initializes the function and runs its before-snapshot hooks, as always. Where it would then wait to be restored, it
prints ``ready``, and when its standard input ends it forks: each child is an environment restored from the one image,
goes on with the Runtime API at one of the addresses, runs the after-restore hooks and waits for invocations.
"""

from __future__ import annotations

import os
import signal
import sys
import types
from typing import Any

_LIFE_SECONDS = 120

# The client in C reads the address of the Runtime API when it is loaded, so the real one is loaded in each child.
_stand_in: Any = types.ModuleType("runtime_client")
_stand_in.initialize_client = lambda _user_agent: None
sys.modules["runtime_client"] = _stand_in

from awslambdaric import bootstrap, lambda_runtime_client  # noqa: E402


class SnapshotClient(lambda_runtime_client.LambdaRuntimeClient):  # type: ignore[misc, no-any-unimported]
    """A runtime client that is restored once for each address."""

    def restore_next(self) -> None:
        """Become the image of all environments, and go on as one of them."""
        os.write(1, b"ready\n")
        sys.stdin.read()
        children = []
        for address in sys.argv[1:]:
            child = os.fork()
            if child == 0:
                self._go_on_at(address)
                return
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
        os._exit(0)

    def _go_on_at(self, address: str) -> None:
        signal.alarm(_LIFE_SECONDS)
        os.environ["AWS_LAMBDA_RUNTIME_API"] = self.lambda_runtime_address = address
        del sys.modules["runtime_client"]
        import runtime_client  # noqa: PLC0415

        runtime_client.initialize_client(lambda_runtime_client._user_agent())
        lambda_runtime_client.runtime_client = runtime_client
        super().restore_next()


signal.alarm(_LIFE_SECONDS)
sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
bootstrap.run(os.environ["_HANDLER"], SnapshotClient(sys.argv[1], False))
