"""Say which package is missing, and where to get it, when what we need of Powertools can't be imported."""

from __future__ import annotations

__all__ = ["what_is_missing"]


def what_is_missing(utility: str, error: ImportError) -> ImportError:
    """Return *error* as one that says what to do.

    :param utility: the one of Powertools that could not be imported
    """
    if error.name == "aws_lambda_powertools":
        remedy = "attach warmkey's layer `full`, or add aws-lambda-powertools to the function"
    elif error.name is not None and error.name.partition(".")[0] == "jsonpath_ng":
        remedy = (
            "Powertools needs jsonpath-ng for it and does not install it by itself: attach warmkey's layer `full`, or "
            "add jsonpath-ng to the function"
        )
    else:
        remedy = "the copy of Powertools that was found lacks a part that warmkey needs; use version 3 or later"
    return type(error)(f"{utility} of Powertools can't be imported ({error}): {remedy}", name=error.name)
