"""The words of each kind of mail, in the reader's language."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

Context = Mapping[str, Any]
Words = tuple[str, str]
"""(subject, body)"""


def _place(facts: Context) -> str:
    name = facts.get("charge_point") or facts.get("charge_point_id") or "?"
    return str(name)


def _charge_requested(facts: Context) -> Words:
    return (
        _("A charge was requested at %(place)s") % {"place": _place(facts)},
        _(
            "Somebody asked for a charge at %(place)s in your name. If that was you, "
            "all is well. If not, stop the charge in your account and revoke the "
            "vehicle that was used."
        )
        % {"place": _place(facts)},
    )


def _charge_started(facts: Context) -> Words:
    return (
        _("Your charge at %(place)s has begun") % {"place": _place(facts)},
        _("Energy flows. Your order is %(order)s.") % {"order": facts["order_number"]},
    )


def _charge_stopped(facts: Context) -> Words:
    return (
        _("Your charge at %(place)s has ended") % {"place": _place(facts)},
        _("Please unplug. The receipt for order %(order)s follows.")
        % {"order": facts["order_number"]},
    )


def _idle_fee_soon(facts: Context) -> Words:
    return (
        _("Please unplug at %(place)s: it will cost") % {"place": _place(facts)},
        _(
            "Your charge has ended and the vehicle is still plugged in. This operator "
            "charges for the time until you unplug."
        ),
    )


def _payment_failed(facts: Context) -> Words:
    body = _("The payment for order %(order)s did not work: %(reason)s") % {
        "order": facts["order_number"],
        "reason": facts.get("reason") or "-",
    }
    if facts.get("pay_url"):
        body += "\n\n" + _("You can pay here: %(url)s") % {"url": facts["pay_url"]}
    return _("Your payment did not work"), body


def _charge_point_offline(facts: Context) -> Words:
    return (
        _("Charge point %(place)s is offline") % {"place": _place(facts)},
        _("It is not connected since %(at)s. Look at its power and its link.")
        % {"at": facts["at"]},
    )


def _connector_faulted(facts: Context) -> Words:
    return (
        _("A connector reports a fault: %(place)s") % {"place": _place(facts)},
        _("Since %(at)s it cannot be used. Its page in the admin shows the error.")
        % {"at": facts["at"]},
    )


def _security_event(facts: Context) -> Words:
    return (
        _("Security event at %(place)s: %(kind)s")
        % {"place": _place(facts), "kind": facts["kind"]},
        _("It was raised at %(at)s. The security events in the admin show more.")
        % {"at": facts["at"]},
    )


def _certificate_expiring(facts: Context) -> Words:
    return (
        _("The certificate of %(place)s ends soon") % {"place": _place(facts)},
        _(
            "It ends at %(at)s and the charge point has not renewed it. Without one it "
            "cannot connect: send it a trigger, or look why it refuses."
        )
        % {"at": facts["ends_at"]},
    )


def _payee_account_degraded(facts: Context) -> Words:
    return (
        _("Your payment account needs something from you"),
        _(
            "The payment provider asks for: %(wanted)s. Without it your account may "
            "stop taking payments (due: %(due)s)."
        )
        % {
            "wanted": ", ".join(facts.get("requirements_due") or ()) or "-",
            "due": facts.get("due_by") or "-",
        },
    )


def _payment_disputed(facts: Context) -> Words:
    return (
        _("A payment is disputed: order %(order)s") % {"order": facts["order_number"]},
        _(
            "The payer's bank took the money back for now. Answer in the admin before "
            "the provider's deadline; the evidence is prepared there."
        ),
    )


def _review_waiting(facts: Context) -> Words:
    return (
        _("A charge waits for your decision"),
        _("Its meter values are in doubt (%(reason)s); nothing is charged until then.")
        % {"reason": facts["review_reason"]},
    )


def _correction_waiting(facts: Context) -> Words:
    return (
        _("A bill waits for your decision: order %(order)s")
        % {"order": facts["order_number"]},
        _("%(reason)s Nothing changes until you decide.") % {"reason": facts["reason"]},
    )


_WORDS: Final[dict[str, Callable[[Context], Words]]] = {
    "charge_requested": _charge_requested,
    "charge_started": _charge_started,
    "charge_stopped": _charge_stopped,
    "idle_fee_soon": _idle_fee_soon,
    "payment_failed": _payment_failed,
    "charge_point_offline": _charge_point_offline,
    "connector_faulted": _connector_faulted,
    "certificate_expiring": _certificate_expiring,
    "security_event": _security_event,
    "payee_account_degraded": _payee_account_degraded,
    "payment_disputed": _payment_disputed,
    "review_waiting": _review_waiting,
    "correction_waiting": _correction_waiting,
}


def words(kind: str, facts: Context, *, language: str) -> Words:
    """Subject and body of a mail; an unknown language gets English."""
    known = {code for code, _name in settings.LANGUAGES}
    with translation.override(language if language in known else "en"):
        subject, body = _WORDS[kind](facts)
        closing = _("You can choose what you are told in your account.")
    # A line break in a header would be another header.
    return " ".join(subject.split()), f"{body}\n\n{closing}\n"
