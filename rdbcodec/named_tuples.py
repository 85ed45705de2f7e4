"""Named tuples, written as those of `typing` are and the same to type checkers.

`typing.NamedTuple` compiles each annotation and checks that it is a type, which no program of ours ever asks
for: for the 66 classes of `inspect` that was a tenth of what a small file takes. The rest is `collections`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from collections import namedtuple

    class _Maker(type):
        """Makes a named tuple of the class that is being written."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, object]) -> type:
            """`bases` is empty for NamedTuple itself."""
            if not bases:
                return super().__new__(cls, name, bases, body)
            fields = body.pop("__annotations__", {})
            defaults = [body.pop(field) for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body.pop("__module__"))  # noqa: PYI024
            made.__annotations__ = fields
            for attribute, value in body.items():
                setattr(made, attribute, value)
            return made

    class NamedTuple(metaclass=_Maker):
        """What a class of named fields is written below."""


__all__ = ["NamedTuple"]
