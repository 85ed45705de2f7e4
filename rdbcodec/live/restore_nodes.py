"""Which node takes a key: the one server, or the primary of a cluster that serves the key's slot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rdbcodec.facts.slots import SLOTS, key_slot
from rdbcodec.live.connect import Node, nodes_of
from rdbcodec.live.errors import LiveError
from rdbcodec.live.restore_pipe import Pipe

if TYPE_CHECKING:
    from rdbcodec.live.connect import Live
    from rdbcodec.live.link import Link

Place = tuple[str | None, int | None]


class Nodes:
    """The nodes of a server that was reached, and a pipe to each, opened when it is first used.

    Raises LiveError when slots have no node.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self.is_cluster = live.is_cluster
        self._pipes: dict[Place, Pipe] = {}
        self._learn(live.primaries())

    def _learn(self, nodes: tuple[Node, ...]) -> None:
        self.primaries = tuple((node.host, node.port) for node in nodes)
        self._only = None if self.is_cluster else self.primaries[0]
        self._table: list[Place | None] = [None] * SLOTS
        for place, node in zip(self.primaries, nodes, strict=True):
            for first, last in node.slots:
                self._table[first : last + 1] = [place] * (last - first + 1)

    def place_of(self, key: bytes) -> Place:
        """Where the key belongs, as far as is known now."""
        only = self._only
        return self._table[key_slot(key)] or self.primaries[0] if only is None else only

    def pipe(self, place: Place) -> Pipe:
        """The connection to a node. LiveError when it is not reached."""
        pipe = self._pipes.get(place)
        if pipe is None:
            pipe = self._pipes[place] = Pipe(self._live.link_to(Node(*place)))
        return pipe

    def drop(self, place: Place) -> None:
        """The connection is lost."""
        pipe = self._pipes.pop(place, None)
        if pipe is not None:
            pipe.close()

    def moved(self, slot: int, place: Place) -> None:
        """A node said whose the slot is now."""
        self._table[slot] = place
        if place not in self.primaries:
            self.primaries = (*self.primaries, place)

    def look_again(self) -> None:
        """Ask a node that answers which nodes there are. As before when none does."""
        if not self.is_cluster:
            return
        for place in self.primaries:
            try:
                with self._live.link_to(Node(*place)) as link:
                    nodes = _told_by(link, place)
            except LiveError:
                continue
            if nodes:
                self._learn(nodes)
                return

    def close(self) -> None:
        """Give up all connections."""
        for pipe in self._pipes.values():
            pipe.close()
        self._pipes.clear()


def _told_by(link: Link, place: Place) -> tuple[Node, ...]:
    return nodes_of(link.call("CLUSTER", "SLOTS"), place[0])


def redirection(detail: str, asked: Place) -> tuple[int, Place]:
    """What MOVED and ASK say: `3999 127.0.0.1:6381`; without a host it is the one that was asked."""
    slot, _, where = detail.partition(" ")
    host, _, port = where.rpartition(":")
    return int(slot), (host or asked[0], int(port))
