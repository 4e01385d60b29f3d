"""The state file of a run: how far it has come, what it counted, and an upload that it has begun."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmkey.cli.files import check_folder, replaced
from warmkey.cli.re_encryption.outcomes import Summary
from warmkey.exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["State"]

_VERSION = 1


class State:
    """Remembers the run in a file, if there is one, that only its owner can read: keys of items are in it.

    :param name: of the file; ``None``: remember nothing
    :param job: what the run is about; a file of another job is refused
    :ivar position: where to go on
    :ivar summary: the counts, also those of earlier runs
    :ivar upload: key and ID of an upload in parts that was begun and may not have ended
    :raises ConfigurationError: the file is of another job, or not a state file
    """

    def __init__(self, name: str | None, job: Mapping[str, Any]) -> None:
        self._path = None if name is None else Path(name)
        self._job = json.loads(json.dumps(job))
        self.position: Any = None
        self.upload: tuple[str, str] | None = None
        self.summary = Summary()
        if self._path is not None:
            check_folder(self._path)
            self._path.touch(mode=0o600)
            if self._path.stat().st_size:
                self._load(self._path)
            self.save()  # now, when nothing has happened yet, and not at the first item

    def _load(self, path: Path) -> None:
        try:
            found = json.loads(path.read_bytes())
            version, job = found["version"], found["job"]
            self.position = found["position"]
            self.upload = found["upload"] and (found["upload"][0], found["upload"][1])
            self.summary = Summary.from_dict(found["summary"])
        except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
            raise ConfigurationError(f"--state {path} is not a state file of warmkey re-encrypt") from None
        if version != _VERSION or job != self._job:
            raise ConfigurationError(
                f"--state {path} is of another job: the same table or prefix, keys and options are needed to go on "
                "with it; name another file, or delete it to begin anew"
            )

    def save(self) -> None:
        """Write the file; a kill leaves the old one or the new one."""
        if self._path is None:
            return
        with replaced(str(self._path)) as file:
            file.write(json.dumps(self._as_dict(), indent=2).encode())

    def _as_dict(self) -> dict[str, Any]:
        return {
            "version": _VERSION,
            "job": self._job,
            "position": self.position,
            "upload": self.upload,
            "summary": self.summary.as_dict(),
        }

    def begin_upload(self, key: str, upload_id: str) -> None:
        """Remember an upload, so that the next run can abort it if this one is killed."""
        self.upload = key, upload_id
        self.save()

    def end(self) -> None:
        """Forget everything: the run has come to its end."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
