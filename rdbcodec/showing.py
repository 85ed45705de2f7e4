"""Words on their way to a person: what came from outside passes through here before it is shown.

A file name, a flag, a key are text of somebody else's making, and what we print ends up on terminals, in
logs and in tickets. The rules this file keeps:

* The signature of a SAS is a password, and so is what else signs a URL. `masked` takes it out of any text,
  in any case and percent encoding. Reports, messages and reports in JSON pass through it; data (`keys`,
  `dump`) does not, because data must come out as it went in.
* A terminal obeys control characters, and a log trusts line ends. `name` shows a name with everything
  escaped that is not printable: C0, C1, line ends, bidirectional overrides, bytes that are no text.
* A key's name can be hidden: left out, or replaced by a digest that nobody can look up who does not have
  the secret it was made with, and that is the same wherever the secret is.
"""

from __future__ import annotations

import os
import re
from functools import cache

from rdbcodec.limits import MAX_KEY_KEPT

# --- secrets ----------------------------------------------------------------------------------------


def _spelled(word: str) -> str:
    """A pattern for a word, each character as it is or percent-encoded any number of times."""
    return "".join(map(_char_spelled, word))


def _char_spelled(char: str) -> str:
    codes = "|".join(f"{ord(case):02x}" for case in {char.lower(), char.upper()})
    return f"(?:{re.escape(char)}|%(?:25)*(?:{codes}))"


@cache  # made when it is first needed: that takes longer than all of the rest of this file
def _secrets() -> re.Pattern[str]:
    """A signature is called `sig` by Azure, X-Amz-Signature, X-Goog-Signature or Signature by the others.

    The value goes on to the next parameter, quote, bracket or space: too much rather than too little. What is
    hidden already keeps what follows: no signature begins with a dot.
    """
    signs = "|".join(map(_spelled, ("sig", "signature", "security-token", "accountkey")))
    return re.compile(rf"((?:{signs}){_spelled('=')})(?!\.\.\.[:,;.)]*(?:\s|$))[^&\s'\"<>()]*", re.IGNORECASE)


# redis://user:password@host. Of a server's URL all up to the last @: a password that should have been
# percent-encoded may hold anything but a space.
_PASSWORDS = r"((?:redis|rediss|valkey|valkeys|unix)://)\S*@|(://)[^/?#\s'\"]*@"
_WORDS = r"([?&](?:ssl_)?password=)[^&\s'\"<>()]*"  # redis-py's: unix:///run/redis.sock?password=
HIDDEN = "..."


def masked(text: str) -> str:
    """`text` without the signatures and passwords of the URLs in it: "sig=..."."""
    if "=" in text or "3d" in text.lower():  # how an equals sign may be spelled: most texts have none
        text = _secrets().sub(rf"\1{HIDDEN}", text)
    if "://" not in text:
        return text
    text = re.sub(_WORDS, rf"\1{HIDDEN}", text, flags=re.IGNORECASE)
    return re.sub(_PASSWORDS, rf"\1\2{HIDDEN}@", text, flags=re.IGNORECASE)


# --- names ------------------------------------------------------------------------------------------


def name(path: str) -> str:
    """The name of a file as a person sees it: printable, on one line, without secrets."""
    return masked(escaped(path))


def escaped(text: str) -> str:
    """`text` with everything that is not printable as an escape: \\n, \\x1b, \\u202e, \\xff."""
    return text if text.isprintable() else "".join(map(_escaped, text))


def _escaped(char: str) -> str:
    if char.isprintable():
        return char
    if "\udc80" <= char <= "\udcff":  # a byte of a file name that is no text
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")


def json_escaped(document: str) -> str:
    """JSON text in which what is not printable stands as an escape of JSON's; line ends between values stay.

    Beyond the line ends such characters can stand only in strings, where the escape means the same.
    """
    return document if document.isprintable() else re.sub(_UNPRINTABLE, _json_escape, document)


_UNPRINTABLE = r"[^\n -~]"


def _json_escape(found: re.Match[str]) -> str:
    char = found[0]
    if char.isprintable():
        return char
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


def shell_word(word: str) -> str:
    """A word of a command line as bash reads it, on one line: `$'a\\nb'` where it is not printable."""
    if word.isprintable():
        import shlex  # noqa: PLC0415 - for hints only

        return shlex.quote(word)
    chars = (
        char if char.isprintable() else _bash_escape(char) for char in re.sub(_BASH_SPECIAL, r"\\\g<0>", word)
    )
    return f"$'{''.join(chars)}'"


def path_word(path: str) -> str:
    """A path in a command line for bash; `./` keeps one that begins with a dash from being a flag."""
    return shell_word(f"./{path}" if path.startswith("-") and path != "-" else path)


_BASH_SPECIAL = r"[\\']"


def _bash_escape(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(char))


# --- keys -------------------------------------------------------------------------------------------

KEY_SHOWN = 80  # bytes of a key in a message: enough to find it, short enough for a log line
STAND_IN = "key#"  # what the name of a hidden key begins with, where there must be one


_DIGEST = rb"key#[0-9a-f]{16}"


class KeyDigest:
    """Keys are shown as digests made with a secret: equal keys look equal, and none can be guessed."""

    def __init__(self, secret: bytes) -> None:
        # Reading a snapshot needs no hashes; whoever imports rdbcodec should not pay for them.
        from hashlib import blake2b  # noqa: PLC0415

        self._blake2b = blake2b
        self._key = blake2b(secret, digest_size=32).digest()  # secrets may be of any length

    def of(self, key: bytes) -> str:
        """The digest of a key: key#0f1e2d3c4b5a6978. That of a digest is the digest itself."""
        if re.fullmatch(_DIGEST, key):
            return key.decode("ascii")
        key = kept_key(key)
        if isinstance(key, CutKey):
            key += key.digest
        return STAND_IN + self._blake2b(key, key=self._key, digest_size=8).hexdigest()


Hiding = bool | KeyDigest
"""How keys are hidden: not at all, left out, or as digests."""


class CutKey(bytes):
    """The beginning of a long key, as reports keep it; `size` and `digest` (BLAKE2b) are of the whole."""

    size: int
    digest: bytes

    @classmethod
    def of(cls, head: bytes, size: int, digest: bytes) -> CutKey:
        """The key that begins so."""
        made = cls(head)
        made.size, made.digest = size, digest
        return made


def kept_key(key: bytes) -> bytes:
    """A key as it is kept to be shown later; of one longer than MAX_KEY_KEPT the beginning.

    Keys may have 64 MiB, and reports name many. No character of UTF-8 is cut in two.
    """
    if len(key) <= MAX_KEY_KEPT:
        return key
    from hashlib import blake2b  # noqa: PLC0415 - as in KeyDigest

    begins = (at for at in range(MAX_KEY_KEPT, MAX_KEY_KEPT - 4, -1) if key[at] & 0xC0 != 0x80)
    end = next(begins, MAX_KEY_KEPT)
    return CutKey.of(key[:end], len(key), blake2b(key, digest_size=32).digest())


def key_size(key: bytes) -> int:
    """Bytes of a key, of which perhaps only the beginning is here."""
    return key.size if isinstance(key, CutKey) else len(key)


def show_key(key: bytes) -> str:
    """A key as a message shows it: Python bytes notation, cut after KEY_SHOWN bytes."""
    return repr(key) if len(key) <= KEY_SHOWN else f"{key[:KEY_SHOWN]!r}... ({key_size(key)} bytes)"


def key_words(key: bytes | None, hide_keys: Hiding = False) -> str | None:
    """A key in a sentence; None when there is none to show."""
    if key is None or hide_keys is True:
        return None
    return f"key {show_key(key)}" if hide_keys is False else hide_keys.of(key)


# --- sizes ------------------------------------------------------------------------------------------

_UNITS = ("KiB", "MiB", "GiB", "TiB")


def size(count: int) -> str:
    """Bytes as people read them: 1.5 MiB."""
    if count < 1024:
        return f"{count} B"
    step = min((count.bit_length() - 1) // 10, len(_UNITS))
    return f"{count / 1024**step:.1f} {_UNITS[step - 1]}"
