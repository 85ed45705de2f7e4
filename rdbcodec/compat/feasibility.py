"""What a conversion for a target would lose, as far as a profile can tell without converting.

The writer's own tables (`Server`) say what the target holds, and the profile what there is to lose: what
streams remember, expiries that are no whole seconds. Where nobody looked at the values, the answer is None: a
conversion is promised only when it is certain to keep every key whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from rdbcodec.compat.questions.integrity import odd_losses
from rdbcodec.compat.target import Target, loader_of, module_types_of
from rdbcodec.datatypes.streams.versions import LOST_BELOW
from rdbcodec.encoding.transcoding import newest
from rdbcodec.facts.kinds import Kind
from rdbcodec.facts.places import Place
from rdbcodec.facts.profile import Profile
from rdbcodec.formats import FIRST_VALKEY, SINCE, Dialect, TypeRow
from rdbcodec.integrity.traits import TRAITS
from rdbcodec.losses import TYPE_PREFIX, Loss, row_of
from rdbcodec.records.registry import LOSSES
from rdbcodec.servers import Server

_EXPIRIES = frozenset({"sub-second-expiry", "expiry-after-2038"})  # what seconds until 2038 cannot hold
_SHORT_LENGTHS = 1 << 32  # bytes; a file below it holds no string that needs a longer length


def conversion_losses(
    profile: Profile, target: Target, modules: Iterable[str] | None = None
) -> list[Loss] | None:
    """What `convert --to` would lose of the data: [] for nothing, None when the profile cannot tell.

    `modules` are those the target is told to have; None is for all that it can have.
    """
    server = _server(target, modules)
    if server is None:
        return None
    found = chain(
        _kind_losses(profile, server),
        _module_losses(profile, server),
        _meta_losses(profile, server),
        _opcode_losses(profile, server),
        _inner_losses(profile, server),
    )
    losses = _merged(found)
    if not losses and (_is_undecided(profile, server) or _is_unreadable(profile, server)):
        return None
    return [*losses, *odd_losses(profile, target.reads_like)]


def _merged(losses: Iterable[Loss]) -> list[Loss]:
    """One loss a kind; values of one kind may be of several layouts, and modules several."""
    merged: dict[str, Loss] = {}
    for loss in losses:
        before = merged.get(loss.kind)
        if before is None:
            merged[loss.kind] = loss
        elif loss != before:  # the same fact may answer for several layouts
            merged[loss.kind] = before._replace(times=before.times + loss.times)
    return list(merged.values())


def _server(target: Target, modules: Iterable[str] | None) -> Server | None:
    """The server a conversion is for; None when nobody says what the target is like.

    A target that is unlike its release is written for by its RDB version, without what it lacks.
    """
    loader, types = loader_of(target), module_types_of(target, modules)
    if target.reads_like is None or loader is None:
        return None
    if target.accepts is None and not target.lacks:
        return Server.of(target.reads_like).replaced(modules=types)
    dialect: Dialect = "valkey" if loader.version >= FIRST_VALKEY else "redis"
    return Server(dialect, loader.version, modules=types, lacks=target.lacks)


def _kind_losses(profile: Profile, server: Server) -> Iterator[Loss]:
    for kind in profile.kinds.values():
        if kind.row.type == "module":
            continue
        if not any(row.type == kind.row.type for row in server.types.values()):
            yield _loss(TYPE_PREFIX + kind.row.type, kind.keys, kind.first)
        elif kind.row.expires and not _holds_member_ttl(kind.row, server):
            yield from _member_ttl(profile, kind)


def _module_losses(profile: Profile, server: Server) -> Iterator[Loss]:
    """Keys of modules the target does not have, and what these saved beside the keys."""
    for module in profile.modules.values():
        lacked = server.modules is not None and module.name not in server.modules
        if module.keys and lacked:
            has_modules = "module-2" in server.types
            yield _loss("module" if has_modules else f"{TYPE_PREFIX}module", module.keys, module.first)
        if module.full_aux is not None and (lacked or "module-aux" not in server.opcodes):
            yield _loss("module-aux", module.aux - module.empty_aux, module.full_aux)


def _member_ttl(profile: Profile, kind: Kind) -> Iterator[Loss]:
    """As many as have them; all that might, when nobody looked at the values."""
    name = "field-ttl" if kind.row.type == "hash" else "member-ttl"
    if profile.oddities is None:
        yield _loss(name, kind.keys, kind.first)
    elif name in profile.losable:
        yield _loss(name, profile.losable[name].count, profile.losable[name].first)


def _meta_losses(profile: Profile, server: Server) -> Iterator[Loss]:
    """Metadata of classes the target must have; where it knows no metadata at all, the opcode tells."""
    for fact in profile.meta_classes.values():
        has = server.modules is None or fact.may_be_ignored or fact.name in server.modules
        if "key-meta" in server.opcodes and not has:
            yield _loss("key-metadata", fact.keys, fact.first)


def _holds_member_ttl(lost: TypeRow, server: Server) -> bool:
    return any(row.type == lost.type and row.expires for row in server.types.values())


def _opcode_losses(profile: Profile, server: Server) -> Iterator[Loss]:
    """Data that stands in records the target does not know; what only hints at it is not listed."""
    for name in sorted(profile.codes() - set(server.opcodes) - {"module-aux"}):
        kind = LOSSES[name]
        lives_on = name == "function-pre-ga" and "function" in server.opcodes
        if kind is not None and row_of(kind).severity == "data" and not lives_on:
            yield _loss(kind, profile.opcodes[name] or profile.meta_keys, profile.places[name])
    if profile.tail is not None and profile.tail.is_data:
        yield _loss(profile.tail.loss, 1, Place(profile.size))


def _inner_losses(profile: Profile, server: Server) -> Iterator[Loss]:
    """What streams remember and expiries say that the target has no place for."""
    streams = newest("stream", server)
    generation = 0 if streams is None else streams.generation
    for kind, fact in profile.losable.items():
        is_of_a_stream = kind in LOST_BELOW and 0 < generation < LOST_BELOW[kind]
        if is_of_a_stream or (kind in _EXPIRIES and "expiretime-ms" not in server.opcodes):
            yield _loss(kind, fact.count, fact.first)


def _is_undecided(profile: Profile, server: Server) -> bool:
    """Whether the loss hangs on something that only the values tell, and nobody looked at them."""
    streams = [kind for kind in profile.kinds.values() if kind.row.type == "stream"]
    unread = profile.oddities is None or profile.streams_unread
    return (
        (bool(unread) and any(kind.row.name not in server.types for kind in streams))
        or (server.version < SINCE["long-lengths"] and profile.size >= _SHORT_LENGTHS)
        or b"keydb-subexpire-key" in profile.aux
    )


def _is_unreadable(profile: Profile, server: Server) -> bool:
    """Whether values must be laid out anew and there are some that this program cannot read whole."""
    is_copied = all(server.types.get(kind.row.name) is kind.row for kind in profile.kinds.values())
    return not is_copied and not all(TRAITS[name].is_harmless for name in profile.oddities or ())


def _loss(kind: str, count: int, place: Place) -> Loss:
    row = row_of(kind)
    return Loss(kind, row.severity, row.says, count, place.offset, place.db, place.key)
