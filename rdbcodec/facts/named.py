"""What every fact is: a few named values, equal when all of them are.

`dataclasses` gives the same, but importing it (it brings inspect, ast, dis and tokenize) and compiling the
methods of twenty classes took a quarter of what `inspect` of a small file takes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_: object) -> Callable[[type], type]:
        """For type checkers only: the arguments of a class are the names that are annotated in it."""
        return lambda kind: kind


T = TypeVar("T")


class _Made:
    """A default that is made for each fact."""

    def __init__(self, factory: Callable[[], object]) -> None:
        self.factory = factory


def made(*, factory: Callable[[], T]) -> T:
    """The default of a value that is changed in place: each fact gets one of its own."""
    return _Made(factory)  # type: ignore[return-value]  # what a fact then has is what the factory makes


@dataclass_transform(field_specifiers=(made,))
class Named:
    """Named values, in the order in which a class annotates them; those without a default must be given."""

    _names: ClassVar[tuple[str, ...]] = ()
    _defaults: ClassVar[dict[str, object]] = {}
    __hash__: ClassVar[None]  # type: ignore[assignment]  # facts change: they are no keys of tables

    def __init_subclass__(cls) -> None:
        cls._names = tuple(cls.__annotations__)
        cls._defaults = {name: vars(cls)[name] for name in cls._names if name in vars(cls)}

    def __init__(self, *values: object, **named: object) -> None:
        names = self._names
        given = dict(zip(names, values, strict=False))
        if len(values) > len(names) or not named.keys() <= set(names) - given.keys():
            raise TypeError(f"{type(self).__name__}({', '.join(names)}): got {values!r} and {named!r}")
        given = self._defaults | given | named
        if len(given) < len(names):
            lacking = [name for name in names if name not in given]
            raise TypeError(f"{type(self).__name__} lacks {', '.join(lacking)}")
        for name in names:
            value = given[name]
            self.__dict__[name] = value.factory() if isinstance(value, _Made) else value

    def replace(self, **changes: Any) -> Self:
        """The same with other values for some names."""
        return type(self)(**vars(self) | changes)

    __replace__ = replace  # of copy.replace, Python 3.13

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other) if type(other) is type(self) else NotImplemented

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({shown})"
