"""What was probably meant by a word that is not known."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """What goes behind a word that is not known, when it is close to some that are."""
    import difflib  # noqa: PLC0415 - who makes no mistake does not pay for it

    close = difflib.get_close_matches(word, list(known), n=3)
    return f", did you mean {' or '.join(close)}?" if close else ""
