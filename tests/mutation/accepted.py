"""Mutants that no test can notice, and why: the change makes no difference."""

FASTER = "A short cut: the other way gives the same, slower."
NO_EDGE = "At the edge itself both sides give the same slice or none at all."
ONLY_EXPONENT = "Decimal.quantize takes the exponent of its argument, nothing else."
WHOLE_DAY = "A window of the whole day holds always, as none does: a short cut."
NOT_ASKED = "Stated wherever an element asks for it; elsewhere nobody looks."
ALWAYS_STATED = "Whoever makes a moment states it."
FOR_TYPES = "What is required is never None here; for the type checker alone."
NO_NUMBER_AS_TEXT = "No other value of JSON has a text that is a number."
CUT_FOR_NOTHING = "One more cut, at which nothing changes: the sums are the same."

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
    "exact.quotient: if type(numerator) is int: | type(numerator) is int"
    " -> type(numerator) is not int": FASTER,
    "exact.half_up: if type(numerator) is not int: | type(numerator) is not int"
    " -> type(numerator) is int": FASTER,
    "exact.rounded: Decimal((0, (1,), -digits)), rounding=ROUND_HALF_UP,"
    " context=_CONTEXT | 1 -> 2": ONLY_EXPONENT,
    "exact.rounded: Decimal((0, (1,), -digits)), rounding=ROUND_HALF_UP,"
    " context=_CONTEXT | 0 -> 1": ONLY_EXPONENT,
    "restrictions._clock_checks: if from_us < until_us: | from_us < until_us"
    " -> from_us <= until_us": "Equal times are no window: window_us says None.",
    "restrictions.window_us: if from_us == until_us or (from_us == 0 and until_us =="
    " DAY_US): | from_us == until_us or (from_us == 0 and until_us == DAY_US)"
    " -> from_us == until_us": WHOLE_DAY,
    "restrictions.window_us: if from_us == until_us or (from_us == 0 and until_us =="
    " DAY_US): | 0 -> 1": WHOLE_DAY,
    "restrictions.(module): clock_us: Exact = 0 | 0 -> 1": (
        "Windows begin and end at whole minutes."
    ),
    "restrictions.(module): day: int = 0 | 0 -> 1": NOT_ASKED,
    "restrictions.(module): parked_us: Exact = 0 | 0 -> 1": NOT_ASKED,
    "restrictions.(module): duration_us: Exact = 0 | 0 -> 1": ALWAYS_STATED,
    "restrictions.(module): energy_uwh: Exact = 0 | 0 -> 1": ALWAYS_STATED,
    "restrictions.window_us: until_us = DAY_US if end is None else clock_us_of(end) or"
    " DAY_US | clock_us_of(end) or DAY_US -> clock_us_of(end)": (
        "A window that wraps and ends at 0 is one until the end of the day."
    ),
    "restrictions.window_us: if from_us == until_us or (from_us == 0 and until_us =="
    " DAY_US): | from_us == until_us or (from_us == 0 and until_us == DAY_US)"
    " -> from_us == until_us and (from_us == 0 and until_us == DAY_US)": WHOLE_DAY,
    "restrictions.window_us: if from_us == until_us or (from_us == 0 and until_us =="
    " DAY_US): | from_us == until_us or (from_us == 0 and until_us == DAY_US)"
    " -> from_us == 0 and until_us == DAY_US": WHOLE_DAY,
    "sheet.add: shown if billed == volume else decimal_of(fine(billed, unit))"
    " | shown if billed == volume else decimal_of(fine(billed, unit))"
    " -> decimal_of(fine(billed, unit))": FASTER,
    "rating._money: if not limited and sheet.exceeds( | not limited and"
    " sheet.exceeds(sum((part.before_minor for part in money)),"
    " sum((part.after_minor for part in money)))"
    " -> sheet.exceeds(sum((part.before_minor for part in money)),"
    " sum((part.after_minor for part in money)))": FASTER,
    "walking._instants: if cuts.parkings_us and self.period.state is State.PARKING: |"
    " cuts.parkings_us and self.period.state is State.PARKING -> cuts.parkings_us": (
        CUT_FOR_NOTHING
    ),
    "walking.slices: if cuts.parkings_us and self.period.state is State.PARKING: |"
    " cuts.parkings_us and self.period.state is State.PARKING"
    " -> cuts.parkings_us or self.period.state is State.PARKING": NOT_ASKED,
    "walking.slices: if cuts.parkings_us and self.period.state is State.PARKING: |"
    " cuts.parkings_us and self.period.state is State.PARKING -> cuts.parkings_us": (
        NOT_ASKED
    ),
    "walking._clock_instants: if low < point < high: | low < point < high"
    " -> low <= point < high": NO_EDGE,
    "walking._instants: if starts_us < point < ends_us: | starts_us < point < ends_us"
    " -> starts_us <= point < ends_us": NO_EDGE,
    "walking._by_energy: if at < threshold < until: | at < threshold < until"
    " -> at <= threshold < until": NO_EDGE,
    "walking._load: if cuts.current and period.current_a is not None: | cuts.current"
    " and period.current_a is not None -> period.current_a is not None": NOT_ASKED,
    "walking.slices: if cuts.parkings_us and self.period.state is State.PARKING: |"
    " cuts.parkings_us and self.period.state is State.PARKING"
    " -> self.period.state is State.PARKING": NOT_ASKED,
    "walking._instants: if cuts.parkings_us and self.period.state is State.PARKING: |"
    " cuts.parkings_us and self.period.state is State.PARKING"
    " -> cuts.parkings_us or self.period.state is State.PARKING": CUT_FOR_NOTHING,
    "walking._instants: if cuts.parkings_us and self.period.state is State.PARKING: |"
    " cuts.parkings_us and self.period.state is State.PARKING"
    " -> self.period.state is State.PARKING": FASTER,
    "walking._instants: if 0 < ahead < self.energy_uwh: | 0 < ahead < self.energy_uwh"
    " -> 0 <= ahead < self.energy_uwh": NO_EDGE,
    "walking._clock_instants: if low > starts_us: | low > starts_us"
    " -> low >= starts_us": NO_EDGE,
    "walking._clock_instants: for day in range((low + offset) // DAY_US, (high +"
    " offset) // DAY_US + 1): | 1 -> 2": (
        "The day after the last one has no instant within the period."
    ),
    "plan.(module): Dimension.FLAT: 0, | 0 -> 1": "A fee is never billed in blocks.",
    "plan._parts: (component.type, restrictions.reservation is None) |"
    " restrictions.reservation is None -> restrictions.reservation is not None": (
        "What is alike stays alike: the same components are siblings."
    ),
    "fields.required_text: return self.text(name, max_length=max_length) or"
    " \"\" | self.text(name, max_length=max_length) or ''"
    " -> self.text(name, max_length=max_length)": FOR_TYPES,
    "reading.session_from_segments: minutes = segment.number("
    '"minutes", most=_MINUTES_MAX) or Decimal(0)'
    " | segment.number('minutes', most=_MINUTES_MAX) or Decimal(0)"
    " -> segment.number('minutes', most=_MINUTES_MAX)": FOR_TYPES,
    "reading._volumes: volumes[name] = volume or Decimal(0) | volume or Decimal(0)"
    " -> volume": FOR_TYPES,
    "fields._decimal: if isinstance(value, bool) or not isinstance(value, Decimal | int"
    " | str | float): | isinstance(value, bool) or not isinstance(value, Decimal | int"
    " | str | float) -> isinstance(value, bool) and (not isinstance(value, Decimal |"
    " int | str | float))": NO_NUMBER_AS_TEXT,
    "fields._decimal: if isinstance(value, bool) or not isinstance(value, Decimal | int"
    " | str | float): | isinstance(value, bool) or not isinstance(value, Decimal | int"
    " | str | float) -> not isinstance(value, Decimal | int | str | float)": (
        NO_NUMBER_AS_TEXT
    ),
    "fields._decimal: if isinstance(value, bool) or not isinstance(value, Decimal | int"
    " | str | float): | isinstance(value, bool) or not isinstance(value, Decimal | int"
    " | str | float) -> isinstance(value, bool)": NO_NUMBER_AS_TEXT,
}
