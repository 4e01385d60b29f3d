"""Key derivation and signatures over the ``cryptography`` package. Knows no message layout."""
