"""Mutants that no test can notice, and why: the change makes no difference."""

FASTER = "A short cut: the other way gives the same, slower."
NO_EDGE = "At the edge itself both sides give the same slice or none at all."

ACCEPTED = {
    "walking._over: if isinstance(denominator, int): | if isinstance(denominator, int):"
    " -> if not isinstance(denominator, int):": FASTER,
    "session._utc: return instant if instant.tzinfo is UTC else instant.astimezone(UTC)"
    " | instant if instant.tzinfo is UTC else instant.astimezone(UTC)"
    " -> instant.astimezone(UTC)": FASTER,
    "session._check_order: charge_began = charge_began or not reserved"
    " | charge_began or not reserved -> not reserved": (
        "The first reservation after the charge is refused: there is no second one."
    ),
    "walking._clock_instants: if low >= high: | low >= high -> low > high": NO_EDGE,
    "exact.(module): _CONTEXT: Final = Context(prec=100) | 100 -> 101": (
        "More digits than any number that is taken has."
    ),
}
