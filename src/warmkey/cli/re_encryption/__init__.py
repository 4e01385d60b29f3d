"""``warmkey re-encrypt``: bring the messages of a DynamoDB table or an S3 prefix under other KMS keys.

Theory of operation
===================

A run goes through the items in the order of the store. It needs no notes of its own to be repeated: what is done says
so in its header (:meth:`rewriting.Rewriter.is_current`), so a run that was killed at any point is simply started again.
A state file spares the second run the way to where the first one ended, and nothing depends on it.

An item is written in one request that the store refuses if the old message is not there any more: a condition on its
bytes in DynamoDB, ``If-Match`` on the object's ETag in S3. Before that request, the new message has been decrypted with
the target keys alone and compared with the old one. A large object is uploaded in parts while it is compared, and only
the request that completes the upload makes it the object.

:mod:`rewriting` knows messages and no store, :mod:`table` and :mod:`objects` know a store each, :mod:`run` knows
neither; :mod:`command` joins them from the command line's arguments.
"""
