"""What was probably meant by a word that is not known."""

from __future__ import annotations

from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """What goes behind a word that is not known, when it is close to some that are."""
    import difflib  # noqa: PLC0415 - who makes no mistake does not pay for it

    bare = {name.lstrip("-"): name for name in known}  # their dashes make no two flags alike
    close = [bare[name] for name in difflib.get_close_matches(word.lstrip("-"), bare, n=3)]
    return f", did you mean {' or '.join(close)}?" if close else ""
