"""Where warmkey and the official Python client come to different verdicts, and why: the table of docs/differences.md.

A test holds it: it fails on a difference that no row explains, and on a row that no trial shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.interop.differential.trials import Trial, Verdict

PYTHON, MPL = "python", "python-mpl"
BOTH = (PYTHON, MPL)
REFUSES, ACCEPTS = "refuses", "accepts"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A row.

    :ivar kinds: the kinds of trials that show it, as a pattern
    :ivar says: what the error of the side that refuses says, as a pattern
    :ivar peers: the clients that differ: with master key providers, with keyrings, or both
    :ivar spec: page and anchor of the specification
    """

    what: str
    kinds: str
    ours: str
    theirs: str
    says: str = ""
    peers: tuple[str, ...] = BOTH
    why: str
    spec: str

    def explains(self, trial: Trial, ours: Verdict, theirs: Verdict) -> bool:
        """Whether this is the difference between the verdicts of *trial*."""
        if re.fullmatch(self.kinds, trial.kind) is None:
            return False
        found = tuple(REFUSES if verdict.what is None else ACCEPTS for verdict in (ours, theirs))
        expected = (self.ours.partition(",")[0], self.theirs.partition(",")[0])
        return found == expected and re.search(self.says, ours.why + theirs.why) is not None


DIFFERENCES = [
    Difference(
        what="Bytes after the end of the message, among them a second final frame and a footer of an unsigned message",
        kinds="bytes after the end|frames after the final one|damaged (?:fields|frames|footers|trailers|encodings)",
        ours=REFUSES,
        theirs=ACCEPTS,
        says="follows? the end of the message",
        why="The specification tells the client to fail. They read no further, so what is appended goes unnoticed",
        spec="client-apis/decrypt.md#behavior",
    ),
    Difference(
        what="An encryption context without pairs that is written as a count of 0 in two bytes",
        kinds="context of no pairs",
        ours=REFUSES,
        theirs=ACCEPTS,
        says="pair count",
        why="The specification has one form of an empty context: a length of 0, and nothing else",
        spec="data-format/message-header.md#key-value-pairs-length",
    ),
    Difference(
        what="An encryption context of 2,000 pairs",
        kinds="context of many pairs",
        ours=ACCEPTS,
        theirs=REFUSES,
        says="RecursionError",
        peers=(MPL,),
        why="The format allows as many pairs as fit into 65,535 bytes; they exceed Python's limit on recursion",
        spec="framework/structures.md#key-value-pair-count",
    ),
    Difference(
        what="A key `warmkey-kind` in the encryption context of a message to decrypt",
        kinds="context kind",
        ours=REFUSES,
        theirs=ACCEPTS,
        says="sealed record|of a kind that",
        why="It marks [sealed records, tokens and checkpoints](records.md), which a plain `decrypt` opens only if the "
        "caller states the pair",
        spec="client-apis/decrypt.md#encryption-context",
    ),
    Difference(
        what="An encrypted data key of somebody else whose key provider ID is not UTF-8",
        kinds="key provider not UTF-8",
        ours=ACCEPTS,
        theirs=REFUSES,
        says="UnicodeDecodeError",
        why="It belongs to no keyring of ours and is skipped, as every other encrypted data key of somebody else",
        spec="framework/keyring-interface.md#key-provider-id",
    ),
    Difference(
        what="An encrypted data key that names our key and can't be unwrapped, beside one that can",
        kinds="keys of ours that fail",
        ours=ACCEPTS,
        theirs=f"{REFUSES}, or not: they try the keys in the order of a set",
        says="InvalidTag|Malformed key info",
        peers=(PYTHON,),
        why="The specification has a keyring try one key after the other, in their order, until one is unwrapped",
        spec="framework/raw-aes-keyring.md#ondecrypt",
    ),
    Difference(
        what="A frame length of 2^31 or more",
        kinds="frame length of 2\\^31 or more",
        ours=ACCEPTS,
        theirs=REFUSES,
        says="Specified frame length larger",
        why="The field holds any 32-bit number but 0. Writing one is logged, because other clients can't read it",
        spec="data-format/message-header.md#frame-length",
    ),
    Difference(
        what="A public key in another base64 than the usual one: foreign signs, newlines, more padding, spare bits",
        kinds="public key (?:base64|padding|spare bits)",
        ours=REFUSES,
        theirs=ACCEPTS,
        says="not a base64 compressed public key",
        peers=(PYTHON,),
        why="A public key has one spelling, which every client writes. With keyrings they refuse the others, too",
        spec="framework/default-cmm.md#decrypt-materials",
    ),
    Difference(
        what="An expected encryption context on decrypt",
        kinds="stated context",
        ours=ACCEPTS,
        theirs=REFUSES,
        says="encryption_context on decrypt is only supported",
        peers=(PYTHON,),
        why="The specification has it as an input. With master key providers, compare `header.encryption_context`",
        spec="client-apis/decrypt.md#encryption-context",
    ),
    Difference(
        what="The encryption context that is returned where the caller stated a pair that the message does not store",
        kinds="stated context",
        ours=f"{ACCEPTS}, and returns all pairs that were authenticated",
        theirs=f"{ACCEPTS}, and returns those in the header",
        peers=(MPL,),
        why="The output is the context that was used as additional authenticated data",
        spec="client-apis/decrypt.md#output",
    ),
    Difference(
        what="Encrypting with a frame length of 0",
        kinds="chosen frame length",
        ours=REFUSES,
        theirs=f"{ACCEPTS}, and writes a non-framed message",
        says="frame_length must be",
        why="New messages are framed. Both read non-framed ones",
        spec="client-apis/encrypt.md#un-framed-message-body-encryption",
    ),
    Difference(
        what="Encrypting with a frame length that is not a multiple of 128",
        kinds="chosen frame length",
        ours=ACCEPTS,
        theirs=REFUSES,
        says="multiple of the block size",
        why="The specification allows every frame length from 1 to 2^32 - 1; both read such messages, up to 2^31 - 1",
        spec="client-apis/encrypt.md#frame-length",
    ),
    Difference(
        what="Encrypting with a frame length of 2^31 or more",
        kinds="chosen frame length",
        ours=f"{ACCEPTS}, and logs a warning once",
        theirs=REFUSES,
        says="Frame size too large",
        why="As above, for who reads with warmkey or another client that can",
        spec="client-apis/encrypt.md#frame-length",
    ),
    Difference(
        what="Encrypting with a key in the encryption context that starts with `aws-crypto-`",
        kinds="chosen context(?: of the prefix)?",
        ours=REFUSES,
        theirs=ACCEPTS,
        says="is reserved",
        why="The specification tells the client to fail. With a signing suite they even replace a caller's public key",
        spec="client-apis/encrypt.md#encryption-context",
    ),
    Difference(
        what="Encrypting with a key `warmkey-kind` in the encryption context",
        kinds="chosen context of a kind",
        ours=REFUSES,
        theirs=ACCEPTS,
        says="is reserved",
        why="Or who chooses contexts could have a message made that opens as a sealed record or a token",
        spec="client-apis/encrypt.md#encryption-context",
    ),
    Difference(
        what="Encrypting with keys or values of the encryption context as bytes",
        kinds="chosen context of bytes",
        ours=REFUSES,
        theirs=ACCEPTS,
        says="must be str, not bytes",
        peers=(PYTHON,),
        why="An encryption context is text. With keyrings they refuse bytes, too",
        spec="framework/structures.md#encryption-context-1",
    ),
]
