"""Key derivation and signatures over the ``cryptography`` package. Knows no message layout."""

from warmkey.crypto.native_parts import check_native_parts

check_native_parts()
