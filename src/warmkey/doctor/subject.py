"""Say what is to be examined: where clients come from, and what the caller knows that the settings don't say."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from warmkey.lambda_runtime.settings import home_region
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from warmkey.data_format.message_header import MessageHeader
    from warmkey.lambda_runtime.settings import Settings
    from warmkey.lambda_runtime.wiring import Runtime

__all__ = ["Only", "Sample", "Subject"]

Only: TypeAlias = Literal["encrypt", "decrypt"]


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Holds a message that somebody gave as an example; nothing of it is authenticated.

    :ivar name: where it is
    :ivar header: as far as it could be read
    :ivar code: the code of the finding about its form, or an empty text
    :ivar problem: what is wrong with its form
    """

    name: str
    header: MessageHeader | None = field(default=None, repr=False)
    code: str = ""
    problem: str = ""


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Holds what an examination starts from.

    :ivar settings: keywords over the environment, as ``configure`` takes them
    :ivar clients: makes what gives a client of ``kms`` or ``dynamodb`` for a Region, once the settings are known
    :ivar context: pairs that messages have; values are used in requests and never shown
    :ivar function_timeout: of the function, in seconds
    :ivar region: of the function, where the environment says another or none
    :ivar only: whether the function only encrypts, or only decrypts
    :ivar config: gives botocore's configuration of the helpers' clients, where that says other than the settings
    :ivar runtime: the helpers of this process, whose counts tell what the cache does
    """

    settings: Mapping[str, object]
    clients: Callable[[Settings], Callable[[str, str | None], Any]]
    context: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    samples: Sequence[Sample] = ()
    function_timeout: float | None = None
    region: str | None = None
    only: Only | None = None
    config: Callable[[Settings], Any] | None = None
    runtime: Callable[[], Runtime] | None = None

    def home_region(self) -> str | None:
        """Return the Region of aliases, key IDs, discovery and tables."""
        return self.region or home_region()

    def encrypts(self) -> bool:
        """Return whether the function encrypts."""
        return self.only != "decrypt"

    def decrypts(self) -> bool:
        """Return whether the function decrypts."""
        return self.only != "encrypt"
