"""The names of tables, columns and choices in the reader's language.

Django makes a column's name from its attribute, in English. Here every name becomes a
message of the console's catalogue when its class is made, before any form is. What
migrations compare is not touched: it is what the class was written with.
"""

from typing import Any, Final

from django.db.models import Field, Model
from django.utils.translation import gettext_lazy

ROOMS: Final = ("billing", "charge_points", "cpms", "settlement")


def speak(sender: type[Model], **_sent: Any) -> None:
    """Let the model's names be translated where they are shown (class_prepared)."""
    if sender.__module__.partition(".")[0] not in ROOMS:
        return  # Django's own models bring their words; migrations' models show none
    meta: Any = sender._meta  # noqa: SLF001 - public by name
    meta.verbose_name_plural = gettext_lazy(str(meta.verbose_name_plural))
    meta.verbose_name = gettext_lazy(str(meta.verbose_name))
    for field in meta.local_fields:
        _speak(field)


def _speak(field: "Field[Any, Any]") -> None:
    field.verbose_name = gettext_lazy(str(field.verbose_name))
    if field.help_text:
        field.help_text = gettext_lazy(str(field.help_text))
    if field.choices:
        field.choices = [
            (value, gettext_lazy(str(label))) for value, label in field.flatchoices
        ]
