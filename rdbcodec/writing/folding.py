"""All keys into database 0: those of other databases under a prefix, their own database being part of it.

    {db}:     db 3, key "page:1"  ->  3:page:1      db 0, key "user:1"  ->  user:1

Keys of database 0 keep their names, because that is where applications look for them. `{db}` is the one
field there is; a prefix without it would throw databases together, so it does for one database only.
"""

from __future__ import annotations

import re
from collections import Counter

from rdbcodec.errors import EncodeError

_FIELD = re.compile(r"\{([^{}]*)\}")


class Folding:
    """A prefix, and how many keys of each database got it. `zero` says that database 0 gets it too.

    Raises EncodeError for a field that does not exist.
    """

    def __init__(self, template: str, *, zero: bool = False) -> None:
        for field in _FIELD.findall(template):
            if field != "db":
                raise EncodeError(
                    f"unknown field {{{field}}} in the prefix {template!r}, there is only {{db}}"
                )
        self.template = template
        self.renamed: Counter[int] = Counter()
        self._zero = zero
        self._prefixes: dict[int, bytes] = {}

    def key_of(self, db: int, key: bytes) -> bytes:
        """The name in database 0 of a key."""
        return self.prefix(db) + key if self.renames(db) else key

    def renames(self, db: int) -> bool:
        """Whether keys of a database get the prefix."""
        return bool(db) or self._zero

    def prefix(self, db: int) -> bytes:
        """What the keys of a database are put under."""
        if db not in self._prefixes:
            self._prefixes[db] = self.template.replace("{db}", str(db)).encode("utf-8", "surrogateescape")
        return self._prefixes[db]

    def check(self) -> None:
        """Raises EncodeError when databases were thrown together."""
        if "{db}" not in self.template and len(self.renamed) > 1:
            dbs = ", ".join(map(str, sorted(self.renamed)))
            raise EncodeError(
                f"the prefix {self.template!r} has no {{db}}, "
                f"and keys of several databases would share it: {dbs}"
            )
