"""Why a rule applies or not, in the language of the reader.

The service says it in English, for systems and logs; a page says it from the same
conditions in the reader's own.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _, gettext_lazy, gettext_noop

from billing.services.tariff_choice import Candidate
from billing.services.tariff_validity import Condition

NAMES: Final[Mapping[str, Any]] = {
    "charge point": gettext_lazy("charge point"),
    "site": gettext_lazy("site"),
    "connector type": gettext_lazy("connector type"),
    "driver group": gettext_lazy("driver group"),
    "token group": gettext_lazy("token group"),
    "token type": gettext_lazy("token type"),
}
"""The conditions of a rule; what else is asked has a sentence of its own."""

SENTENCES: Final[Mapping[str, Any]] = {
    "begin": gettext_lazy("it begins only %s"),
    "end": gettext_lazy("it ended %s"),
    "tariff start": gettext_lazy("its tariff is not yet valid, only from %s"),
    "tariff end": gettext_lazy("its tariff expired %s"),
    "tariff type": gettext_lazy(
        "its tariff is for ad hoc payment, that is token type %s"
    ),
}

EXAMPLES: Final = (
    gettext_noop("20 kWh in 1 h, 14:00"),
    gettext_noop("20 kWh in 1 h, 23:00"),
    gettext_noop("20 kWh in 1 h, Saturday 14:00"),
    gettext_noop("5 kWh in 15 min"),
    gettext_noop("60 kWh in 40 min (90 kW)"),
    gettext_noop("40 kWh in 4 h (10 kW)"),
    gettext_noop("20 kWh in 1 h, then 2 h parked"),
    gettext_noop("reserved 30 min, then 20 kWh in 1 h"),
    gettext_noop("reserved 30 min, nobody came"),
)
"""The names of the example charges, so that they can be translated."""


def why(rule: Candidate) -> str:
    """What became of a rule, and why."""
    if rule.chosen:
        return _("applies: %s") % assigned(rule)
    if rule.matches:
        return _("would apply, but a more specific or newer rule does: %s") % assigned(
            rule
        )
    return _("does not apply: %s") % "; ".join(
        _failed(each) for each in rule.conditions if not each.holds
    )


def assigned(rule: Candidate) -> str:
    """To what and since when a rule assigns its tariff."""
    since = next(each.wanted for each in rule.conditions if each.name == "begin")
    to = ", ".join(_stated(rule.conditions)) or _("the whole operator")
    return _("assigned to %(to)s since %(since)s") % {"to": to, "since": since}


def _stated(conditions: Iterable[Condition]) -> Iterable[str]:
    for each in conditions:
        if each.name in NAMES:
            yield f"{NAMES[each.name]} {each.wanted}"


def _failed(condition: Condition) -> str:
    if condition.name in SENTENCES:
        return str(SENTENCES[condition.name]) % condition.wanted
    if condition.name == "driver group":
        return _("the driver is not in group %s") % condition.wanted
    return _("%(name)s is %(actual)s, not %(wanted)s") % {
        "name": NAMES[condition.name],
        "actual": condition.actual or _("not known"),
        "wanted": condition.wanted,
    }
