"""The money's step to the first charge."""

from django.urls import reverse
from django.utils.translation import gettext as _

from cpms.accounts.admin_pages import list_url
from cpms.accounts.models import Operator
from cpms.accounts.onboarding import Link, Step, step
from settlement.models import PayeeAccount


@step("payee_account", place=20)
def payee_account(operator: Operator) -> Step:
    """Where the operator's money goes, without passing through the platform."""
    rows = list(PayeeAccount.objects.filter(operator=operator).order_by("pk")[:10])
    ready = [row for row in rows if row.charges_enabled]
    if ready:
        state = _("%s takes payments") % ready[0].reference
    elif rows:
        state = _("%s takes no payments yet; finish it at the provider") % (
            rows[0].reference
        )
    else:
        state = _("The provider's own pages ask who you are; it takes a few minutes.")
    return Step(
        _("Payee account"),
        _("Drivers pay straight into the operator's own account at the provider."),
        is_done=bool(ready),
        state=state,
        links=(
            Link(
                _("Go on with the account") if rows else _("Open the account"),
                reverse("payee:opening"),
            ),
            Link(_("Payee accounts"), list_url("settlement_payeeaccount")),
        ),
    )
