"""Several passes over one snapshot, in one reading, by as many processes as there are.

kinds, biggest = rdbcodec.scan("dump.rdb", [Kinds(), Biggest(20)], jobs=4)
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rdbcodec.facts.passes import Batch, Pass, run
from rdbcodec.limits import COUNTED_VALUE
from rdbcodec.reading.parallel.opening import open_in_parts
from rdbcodec.reading.reader import Reader

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rdbcodec.reading.parallel.section import How
    from rdbcodec.reading.source import Source

ScanProgress = Callable[[int, "int | None", int], Any]


def scan(
    source: Source,
    passes: Sequence[Pass[Any]],
    *,
    jobs: int | None = None,
    progress: ScanProgress | None = None,
    **how: Unpack[How],
) -> list[Any]:
    """Read a snapshot once for all passes (rdbcodec.facts); their results, in their order.

    `jobs` processes read a file in parts; by default one for each core this process may use, up to 8, if the
    file is larger than 64 MiB. The results are those of one process, errors too. One process reads what is
    no plain file (pipes, compressed files), and for passes whose parts cannot be joined. `progress` is called
    with bytes read, bytes there are (None: not known) and keys; what it raises ends the reading and all
    processes. `how` are the parameters of `rdbcodec.open`.

    Raises what opening and reading raise, ChildProcessError when a process is killed. A script that calls
    this must not do so when it is imported ("if __name__ == '__main__'"): processes may import it.
    """
    how.setdefault("max_value", COUNTED_VALUE)
    with _opened(source, jobs, how) as reader:
        if progress is None:
            return run(reader, passes)
        keys = Keys()

        def tell() -> None:
            progress(reader.bytes_read, reader.size, keys.count)

        return run(reader, [*passes, keys], progress=tell)[:-1]


def _opened(source: Source, jobs: int | None, how: How) -> Reader:
    if isinstance(source, (str, os.PathLike)):
        return open_in_parts(source, jobs, **how)
    return Reader(source, **how)


class Keys(Pass[int]):
    """Counts keys, as they are read."""

    def __init__(self) -> None:
        self.count = 0

    def batch(self, batch: Batch) -> None:
        """So many more."""
        self.count += len(batch)

    def fork(self) -> Keys:
        """It needs to know nothing."""
        return Keys()

    def part(self) -> int:
        """The keys of the part."""
        return self.count

    def join(self, part: int) -> None:
        """The keys of both."""
        self.count += part

    def end(self) -> int:
        """How many there are."""
        return self.count
