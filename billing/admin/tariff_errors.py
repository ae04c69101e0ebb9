"""The mistakes of a tariff, in the language of the reader.

The pure engine names field, fault and cure in English; here the same sentences are
found by their form and said again. The path of the field and what the author wrote stay
as they are. A sentence without a translation is shown as it came.
"""

import re
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

_SENTENCES: Final[tuple[tuple[str, Any], ...]] = (
    (
        r"must be a JSON object, not (?P<it>.*)\.",
        _("must be a JSON object, not %(it)s."),
    ),
    (
        r"has (?P<n>\d+) entries; it must have 1 to (?P<most>\d+)\.",
        _("has %(n)s entries; it must have 1 to %(most)s."),
    ),
    (r"is missing; OCPI requires it\.", _("is missing; OCPI requires it.")),
    (r"must be a list, not (?P<it>.*)\.", _("must be a list, not %(it)s.")),
    (r"must be a text, not (?P<it>.*)\.", _("must be a text, not %(it)s.")),
    (
        r"has (?P<n>\d+) characters; at most (?P<most>\d+) fit\.",
        _("has %(n)s characters; at most %(most)s fit."),
    ),
    (r"must be a number, not (?P<it>.*)\.", _("must be a number, not %(it)s.")),
    (
        r"is (?P<it>.*); it must be (?P<least>[\d.]+) or more\.",
        _("is %(it)s; it must be %(least)s or more."),
    ),
    (
        r"is (?P<it>.*); it must be (?P<least>[\d.]+) to (?P<most>[\d.]+)\.",
        _("is %(it)s; it must be %(least)s to %(most)s."),
    ),
    (
        r"is (?P<it>.*); it must be a whole number\.",
        _("is %(it)s; it must be a whole number."),
    ),
    (
        r"is (?P<it>.*); it must be one of (?P<known>.*)\.",
        _("is %(it)s; it must be one of %(known)s."),
    ),
    (
        r"is (?P<it>.*); it must be an RFC 3339 date and time in UTC\.",
        _("is %(it)s; it must be an RFC 3339 date and time in UTC."),
    ),
    (
        r"is (?P<it>.*); it must be a time HH:MM\.",
        _("is %(it)s; it must be a time HH:MM."),
    ),
    (
        r"is (?P<it>.*); it must be a date YYYY-MM-DD\.",
        _("is %(it)s; it must be a date YYYY-MM-DD."),
    ),
    (
        r"is (?P<it>.*); it must be an ISO 4217 code: three upper-case letters\.",
        _("is %(it)s; it must be an ISO 4217 code: three upper-case letters."),
    ),
    (
        r"is (?P<it>\w+); a reservation has only FLAT and TIME\.",
        _("is %(it)s; a reservation has only FLAT and TIME."),
    ),
    (r"must be after (?P<it>\w+)\.", _("must be after %(it)s.")),
    (
        r"must be after (?P<it>\w+); it is exclusive\.",
        _("must be after %(it)s; it is exclusive."),
    ),
    (
        r"must be above (?P<it>\w+); it is exclusive\.",
        _("must be above %(it)s; it is exclusive."),
    ),
    (r"must not be below (?P<it>\w+)\.", _("must not be below %(it)s.")),
    (r"must be at most (?P<most>\d+)\.", _("must be at most %(most)s.")),
    (
        r"must state grace_seconds or cap_seconds, or be left out\.",
        _("must state grace_seconds or cap_seconds, or be left out."),
    ),
    (
        r"is (?P<it>\S+); a hold of nothing buys nothing\..*",
        _(
            "is %(it)s; a hold of nothing buys nothing. State an amount, or leave it "
            "out: then the operator's hold counts."
        ),
    ),
    (
        r"is (?P<it>.{17}), but the version is to apply from (?P<begin>.{17}), .*",
        _(
            "is %(it)s, but the version is to apply from %(begin)s, when nothing could "
            "be sold by it. State the same begin twice, or leave one of them out."
        ),
    ),
    (
        r"is (?P<it>.{17}), not after (?P<begin>.{17}), from when .*",
        _(
            "is %(it)s, not after %(begin)s, from when the version is to apply: "
            "nothing would ever be sold by it. State a later end; to end a tariff, end "
            "its assignment."
        ),
    ),
)

_KNOWN: Final = tuple((re.compile(form), words) for form, words in _SENTENCES)


def in_words(message: str) -> str:
    """``path: sentence`` with the sentence in the reader's language."""
    path, colon, sentence = message.partition(": ")
    for form, words in _KNOWN:
        found = form.fullmatch(sentence)
        if colon and found is not None:
            return f"{path}: {str(words) % found.groupdict()}"
    return message
