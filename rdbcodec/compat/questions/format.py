"""Questions about header, value types and opcodes: can the loader of the target read them?

What a loader reads comes from the table of formats through `Server`; no version is written here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rdbcodec.compat.rule import Answer, Case, Found, Unknown
from rdbcodec.facts.places import Place
from rdbcodec.facts.profile import Profile
from rdbcodec.formats import FIRST_VALKEY, Dialect, TypeRow, announced, types_of
from rdbcodec.servers import Server

START = Place(0)
# Opcodes that rules of their own speak of.
_SPOKEN_OF = frozenset(
    {"function", "function-pre-ga", "slot-info", "freq", "idle", "aux", "resizedb", "module-aux"}
)


def own_magic(profile: Profile) -> bool:
    """Whether the file begins with VALKEY instead of REDIS."""
    return profile.magic.startswith(b"VALKEY")


def reads_header(case: Case) -> bool:
    """Whether the target is known to accept the header."""
    loader, told = case.loader, case.profile
    if own_magic(told) and told.version in case.target.valkey_numbers:
        return True
    return loader is not None and loader.reads_header(own_magic=own_magic(told), version=told.version)


def header_words(case: Case, loader: Server) -> str:
    """The headers the target reads: "REDIS up to 11, VALKEY 80 to 81"."""
    numbers = [f"VALKEY {number}" for number in case.target.valkey_numbers]
    return ", ".join([loader.magic_words(), *numbers])


# --- the header -------------------------------------------------------------------------------------


def version_unknown(case: Case) -> Answer:
    """Nobody says which RDB versions the target reads, and it takes files."""
    if case.loader is not None or case.target.imports == "no":
        return None
    return Unknown(
        f"which RDB versions {case.target.name} reads is not known; the file is RDB {case.profile.version}"
    )


def version_unseen(case: Case) -> Answer:
    """The header is of a version newer than all known ones, so that nothing behind it was read."""
    told = case.profile
    if case.loader is None or not told.is_header:
        return None
    writer = announced("valkey" if own_magic(told) else "redis", told.version)
    said = f", said to be that of {writer}" if writer else ""
    return Found({"version": told.version, "said": said, "reads": header_words(case, case.loader)}, START)


def version_too_new(case: Case) -> Answer:
    """The header is of a version the target does not read yet."""
    loader, told = case.loader, case.profile
    if (
        loader is None
        or told.is_header
        or reads_header(case)
        or _foreign_magic(case)
        or _foreign_version(case)
    ):
        return None
    return Found({"version": told.version, "reads": header_words(case, loader)}, START)


def foreign_magic(case: Case) -> Answer:
    """The file begins with VALKEY, and the target knows REDIS only."""
    return Found({}, START) if _foreign_magic(case) and not case.profile.is_header else None


def _foreign_magic(case: Case) -> bool:
    loader = case.loader
    if case.target.valkey_numbers:  # it knows the word, so that the number is what it stumbles over
        return False
    return loader is not None and own_magic(case.profile) and loader.version < FIRST_VALKEY


def _foreign_version(case: Case) -> bool:
    loader, told = case.loader, case.profile
    if loader is None or loader.dialect != "valkey" or own_magic(told):
        return False
    return not reads_header(case) and told.version < FIRST_VALKEY


def foreign_range(case: Case) -> Answer:
    if case.loader is None or case.profile.is_header or not _foreign_version(case):
        return None
    return Found({"version": case.profile.version, "reads": header_words(case, case.loader)}, START)


def relaxed(case: Case) -> Answer:
    """Whether a relaxed version check would let the file in: no code that is Valkey's or newer than it."""
    told, magic = case.profile, "VALKEY" if own_magic(case.profile) else "REDIS"
    loader = case.loader
    if loader is None or told.is_header or reads_header(case) or magic not in case.target.relaxed:
        return None
    foreign = {kind.row.name for kind in told.kinds.values()} - loader.types.keys()
    foreign |= {name for name in told.codes() if name not in loader.opcodes}
    return None if foreign else Found({"magic": magic}, START)


def too_old(case: Case) -> Answer:
    if case.profile.version >= case.target.min_rdb:
        return None
    return Found({"version": case.profile.version, "oldest": case.target.min_rdb}, START)


def silent_empty(case: Case) -> Answer:
    return (
        None
        if case.profile.is_header or reads_header(case)
        else Found({"version": case.profile.version}, START)
    )


def number_is_inferred(case: Case) -> Answer:
    """The number fits, but only the name of the engine speaks for it."""
    if case.loader is None or not reads_header(case):
        return None
    values = {"version": case.profile.version, "like": case.target.reads_like}
    if case.target.rdb_confidence == "inferred":
        return Found(values, START)
    if case.target.rdb_confidence != "unverified":
        return None
    return Unknown(
        f"no page tells which RDB versions {case.target.name} reads; it is taken to be like "
        f"{case.target.reads_like}, which reads {case.profile.version}",
        START,
    )


def header_only(case: Case) -> Answer:
    loader = case.loader
    if (
        loader is None
        or case.profile.is_header
        or reads_header(case)
        or unknown_kinds(case)
        or case.profile.modules
    ):
        return None
    return Found() if case.profile.codes() <= loader.opcodes.keys() else None


def redict(case: Case) -> Answer:
    fact = case.profile.aux.get(b"redis-ver")
    return Found() if fact is not None and fact.value.startswith(b"7.3.") else None


# --- types and opcodes ------------------------------------------------------------------------------


def unknown_kinds(case: Case) -> list[TypeRow]:
    """The rows of value types in the file that the target does not know."""
    loader = case.loader
    kinds = case.profile.kinds.values()
    return [] if loader is None else [kind.row for kind in kinds if kind.row.name not in loader.types]


def types(case: Case) -> Answer:
    return _type_answer(case, [row for row in unknown_kinds(case) if not row.expires])


def field_ttl(case: Case) -> Answer:
    return _type_answer(case, [row for row in unknown_kinds(case) if row.expires])


def _type_answer(case: Case, rows: list[TypeRow]) -> Answer:
    if not rows:
        return None
    kinds = [case.profile.kinds[row.name] for row in rows]
    words = ", ".join(f"{kind.row.name} (type {kind.row.code}, {kind.keys:,})" for kind in kinds)
    return Found({"types": words}, min((kind.first for kind in kinds), key=lambda place: place.offset))


def other_meaning(case: Case) -> Answer:
    """A type byte of the file that stands for something else in the target's dialect."""
    loader = case.loader
    if loader is None:
        return None
    dialect: Dialect = loader.dialect
    theirs = types_of(dialect, loader.version)
    for row in unknown_kinds(case):
        other = theirs.get(row.code)
        if other is not None and other.name != row.name:
            values = {"code": row.code, "ours": row.name, "theirs": other.name}
            return Found(values, case.profile.kinds[row.name].first)
    return None


def opcodes(*names: str) -> Callable[[Case], Answer]:
    """The question whether the file has one of these opcodes and the target does not know it."""
    return lambda case: _opcode_answer(case, names)


def other_opcodes(case: Case) -> Answer:
    return _opcode_answer(case, case.profile.codes() - _SPOKEN_OF)


def _opcode_answer(case: Case, names: Iterable[str]) -> Answer:
    loader = case.loader
    if loader is None:
        return None
    known = loader.opcodes.keys() | set(case.target.ignores)
    bad = sorted(name for name in names if name in case.profile.codes() and name not in known)
    return Found({"opcodes": ", ".join(bad)}, case.profile.places.get(bad[0])) if bad else None


def keydb_ttl(case: Case) -> Answer:
    loader = case.loader
    if b"keydb-subexpire-key" not in case.profile.aux or (loader and loader.dialect == "keydb"):
        return None
    return Found({"count": case.profile.aux[b"keydb-subexpire-key"].count})
