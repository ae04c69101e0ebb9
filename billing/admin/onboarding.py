"""The price's step to the first charge."""

from django.urls import reverse
from django.utils.translation import gettext as _

from billing.models import TariffAssignment
from cpms.accounts.admin_pages import list_url
from cpms.accounts.models import Operator
from cpms.accounts.onboarding import Link, Step, step


@step("tariff", place=50)
def tariff(operator: Operator) -> Step:
    """What a charge costs, and where that applies."""
    assigned = TariffAssignment.objects.filter(operator=operator).count()
    return Step(
        _("Tariff"),
        _(
            "Drivers see the price before they start. Make a tariff, then say where it "
            "applies."
        ),
        is_done=assigned > 0,
        state=_("Assignments: %s") % assigned if assigned else "",
        links=(
            Link(_("Add a tariff"), reverse("admin:billing_tariff_add")),
            Link(
                _("Say where it applies"), reverse("admin:billing_tariffassignment_add")
            ),
            Link(_("All tariffs"), list_url("billing_tariff")),
        ),
    )
