"""State tables: the legal moves of a thing as data, one table in one file.

An illegal move changes nothing and says so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from cpms.kernel.errors import DomainError


class IllegalMove(DomainError):
    """The table has no such move."""

    http_status: ClassVar[int] = 409


@dataclass(frozen=True)
class StateTable:
    """The legal moves between the states of one kind of thing.

    Args:
        name: what moves, for messages ("order").
        moves: state -> states that may follow it. Every state is a key.
    """

    name: str
    moves: Mapping[str, Iterable[str]]
    _moves: dict[str, frozenset[str]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse a table that leads to a state it does not know."""
        frozen = {state: frozenset(after) for state, after in self.moves.items()}
        unknown = {s for after in frozen.values() for s in after} - frozen.keys()
        if unknown:
            raise ValueError(f"{self.name}: states without a row: {sorted(unknown)}")
        object.__setattr__(self, "_moves", frozen)

    @property
    def states(self) -> tuple[str, ...]:
        """All states in the order of the table."""
        return tuple(self._moves)

    @property
    def final(self) -> frozenset[str]:
        """States that nothing follows."""
        return frozenset(s for s, after in self._moves.items() if not after)

    def allows(self, current: str, wanted: str) -> bool:
        """Whether the table has this move."""
        return wanted in self._moves.get(current, frozenset())

    def sources(self, wanted: str) -> tuple[str, ...]:
        """The states from which ``wanted`` can be reached in one move."""
        return tuple(s for s, after in self._moves.items() if wanted in after)

    def require(self, current: str, wanted: str) -> None:
        """Check a move.

        Raises:
            IllegalMove: the table has no such move; nothing was changed.
        """
        if not self.allows(current, wanted):
            after = ", ".join(sorted(self._moves.get(current, ()))) or "nothing"
            raise IllegalMove(
                "illegal_move",
                f"The {self.name} is {current}; {wanted} cannot follow it "
                f"(only {after} can). Nothing was changed.",
                current=current,
                wanted=wanted,
            )
