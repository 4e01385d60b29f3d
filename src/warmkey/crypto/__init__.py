"""Key derivation and signatures over the ``cryptography`` package. Knows no message layout."""

from warmkey.crypto.installation import check_native_parts

check_native_parts()
