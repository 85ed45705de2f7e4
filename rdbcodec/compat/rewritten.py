"""What a snapshot will be once it was rewritten: its profile, without rewriting it.

A conversion is promised only when the file it makes is judged to load. What the file will be follows from the
tables the writer works by: the header of the server it is written for, its layouts, its records. Its size is
not known beforehand.
"""

from __future__ import annotations

from collections.abc import Collection

from rdbcodec.encoding.transcoding import newest
from rdbcodec.facts.databases import Database
from rdbcodec.facts.kinds import Kind
from rdbcodec.facts.places import OddFact, Table
from rdbcodec.facts.profile import Profile
from rdbcodec.integrity.traits import TRAITS
from rdbcodec.servers import Server

PAGE = 512  # bytes; what is padded is filled up to a multiple of it


def rewritten(profile: Profile, steps: Collection[str], server: Server | None) -> Profile:
    """The profile of what these kinds of steps make of a snapshot; `server` is whom it is converted for."""
    if "convert" in steps and server is not None:
        profile = _converted(profile, server)
    if "fold" in steps:
        profile = profile.replace(databases=_folded(profile))
    if not {"unpack", "convert", "fold"}.isdisjoint(steps):
        profile = profile.replace(containers=(), tail=None, file_size=_some_size(profile))
    return profile.replace(file_size=_padded(profile.file_size)) if "pad" in steps else profile


def _converted(profile: Profile, server: Server) -> Profile:
    own, classes = server.opcodes.keys(), server.modules
    return profile.replace(
        magic=server.magic,
        dialect=server.dialect,
        version=server.version,
        checksum="ok",
        kinds=_kinds(profile, server),
        modules={
            name: module
            for name, module in profile.modules.items()
            if module.keys or classes is None or module.name in classes
        },
        meta_classes={
            name: fact for name, fact in profile.meta_classes.items() if classes is None or name in classes
        },
        opcodes=type(profile.opcodes)(
            {name: count for name, count in profile.opcodes.items() if name in own}
        ),
        places={name: place for name, place in profile.places.items() if name in own},
        oddities=_unrepaired(profile),
        losable={},
    )


def _kinds(profile: Profile, server: Server) -> Table[str, Kind]:
    """Types the server has stay as they are; others become its newest of the same values, or stay unknown."""
    kinds: Table[str, Kind] = Table()
    for kind in profile.kinds.values():
        row = server.types.get(kind.row.name) or newest(kind.row.type, server) or kind.row
        made = kind.replace(row=row)
        kinds[row.name] = kinds[row.name].merge(made) if row.name in kinds else made
    return kinds


def _unrepaired(profile: Profile) -> dict[str, OddFact] | None:
    if profile.oddities is None:
        return None
    return {name: fact for name, fact in profile.oddities.items() if TRAITS[name].repair != "rewrite"}


def _folded(profile: Profile) -> Table[int, Database]:
    """All keys in database 0."""
    folded: Table[int, Database] = Table()
    for database in profile.databases.values():
        folded[0] = folded[0].merge(database) if 0 in folded else database
    return folded


def _some_size(profile: Profile) -> int | None:
    """Whatever size the file will have, it will hardly be one of whole pages."""
    return None if profile.file_size is None else profile.file_size | 1


def _padded(size: int | None) -> int | None:
    return None if size is None else size + -size % PAGE
