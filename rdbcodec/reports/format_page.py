"""docs/format.md, generated from the table: `python -m rdbcodec.reports.format_page > docs/format.md`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rdbcodec.formats import (
    BEHAVIOURS,
    OPCODES,
    RELEASES,
    TYPES,
    VERSIONS,
    Framing,
    OpcodeRow,
    Repeat,
    Special,
    Step,
    TypeRow,
)

_INTRO = """\
# The format, as rdbcodec knows it

Generated from `rdbcodec/formats.py` by `python -m rdbcodec.reports.format_page`; a test holds the two
together. Codes are keyed by dialect and code. The dialects other than `redis` share its rows: Valkey up to
type 21, KeyDB up to 15, Dragonfly up to 21, Redis Enterprise all of them.

Framing: each step has a name, then what is read. `STRING`, `LENGTH`, `TEXT_DOUBLE` are the variable-size
primitives; `U8`, `I64`, `F64`, `STREAM_ID` (16 bytes) and their like are fixed; `(...)*` is a LENGTH followed
by that many repetitions; what stands in angle brackets needs code (`rdbcodec/framing/specials.py`).
`rdbcodec.framing.labels` gives every byte of a value these names: `fields.count`, `fields[0].field` ...

Traits of value types: `expires`, fields or members have expiries of their own; `compact`, left out of files
that every server can read; `refers`, to a template that stands elsewhere in the file.
"""


def render() -> str:
    """The whole page."""
    return "\n".join([_INTRO, *_versions(), *_releases(), *_types(), *_opcodes(), *_behaviours()])


def _versions() -> Iterator[str]:
    yield "## Header versions\n"
    rows = [
        (row.dialect.upper(), str(row.version), row.writers, row.back_length, row.seen) for row in VERSIONS
    ]
    yield from _table(("magic", "version", "written by", "listpack back-length", "seen"), rows)


def _releases() -> Iterator[str]:
    yield "## Which release loads which version\n"
    rows = [
        (
            row.product,
            row.release,
            row.dialect,
            str(row.accepts),
            str(row.last_type or ""),
            ", ".join(row.modules),
            row.back_length or "",
        )
        for row in RELEASES
    ]
    head = (
        "product",
        "from release",
        "dialect",
        "up to version",
        "types up to",
        "modules in every build",
        "back-length",
    )
    yield from _table(head, rows)


def _types() -> Iterator[str]:
    yield "## Value types\n"
    rows = [
        (
            row.dialect,
            str(row.code),
            row.name,
            row.type,
            row.encoding,
            _framing(row.framing),
            row.packed or "",
            ", ".join(_traits(row)),
            _span(row),
            row.seen,
        )
        for row in TYPES
    ]
    head = (
        "dialect",
        "code",
        "name",
        "type",
        "encoding",
        "framing",
        "packed in",
        "traits",
        "since",
        "seen",
    )
    yield from _table(head, rows)


def _traits(row: TypeRow) -> Iterator[str]:
    if row.generation:
        yield f"generation {row.generation}"
    traits = {"expires": row.expires, "compact": row.compact, "refers": row.refers}
    yield from (name for name, has in traits.items() if has)


def _behaviours() -> Iterator[str]:
    yield "## What servers do since a version, whatever the codes in a file\n"
    rows = [(row.name, row.says, str(row.since), row.seen) for row in BEHAVIOURS]
    yield from _table(("name", "what", "since", "seen"), rows)


def _opcodes() -> Iterator[str]:
    yield "## Opcodes\n"
    rows = [
        (row.dialect, str(row.code), row.name, _framing(row.framing), _span(row), row.seen) for row in OPCODES
    ]
    yield from _table(("dialect", "code", "name", "operands", "since", "seen"), rows)


def _span(row: TypeRow | OpcodeRow) -> str:
    return str(row.since) if row.until is None else f"{row.since} to {row.until}"


def _framing(framing: Framing) -> str:
    return (
        ", ".join(f"{name} {_step(step)}" for name, step in zip(framing.names, framing, strict=True)) or "-"
    )


def _step(step: Step) -> str:
    if isinstance(step, Repeat):
        return f"({_framing(step.steps)})*"
    if isinstance(step, Special):
        return f"<{step.name}>"
    return step.name.upper().replace(" ", "_")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("<", "&lt;") for cell in row) + " |"
    yield ""


if __name__ == "__main__":
    print(render(), end="")
