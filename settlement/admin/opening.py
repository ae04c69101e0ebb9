"""Opening the operator's own account at the provider, from the console.

The page stands in the admin; its button leads to an address outside of it, because the
provider is asked there, and an admin page is one database transaction.
"""

from typing import Final

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from cpms.accounts.admin_pages import operators_to_act_for
from cpms.accounts.models import Membership, Operator, User
from cpms.accounts.services.second_factor import is_waiting
from cpms.accounts.services.staff import role_at
from cpms.accounts.tenancy import acting_as_platform, acting_for
from cpms.kernel.errors import DomainError
from settlement.models import PayeeAccount
from settlement.providers.errors import ProviderError
from settlement.services import payees

NONE: Final[frozenset[str]] = frozenset()


@require_GET
def opening_page(request: HttpRequest) -> HttpResponse:
    """What will happen at the provider, and the button that leads there."""
    own = operators_to_act_for(request, NONE)
    if not own:
        raise PermissionDenied
    context = {
        **admin.site.each_context(request),
        "title": _("Payee account"),
        "operators": Operator.objects.filter(pk__in=own).order_by("name"),
        "providers": sorted(settings.PAYMENT_PROVIDERS),
        "refused": request.GET.get("refused", "")[:300],
    }
    return TemplateResponse(request, "settlement/open_account.html", context)


def _owner_of(request: HttpRequest) -> tuple[User, int]:
    """Who asks, and for which operator; owners only, with their second factor.

    Raises:
        PermissionDenied: nobody who may open an account for this operator.
    """
    user = request.user
    wanted = request.POST.get("operator") or request.GET.get("operator") or ""
    if not (isinstance(user, User) and user.is_staff and wanted.isdecimal()):
        raise PermissionDenied
    with acting_as_platform("is this user an owner of the operator that it names?"):
        role = role_at(user_id=user.pk, operator_id=int(wanted))
        waits = is_waiting(user)
    if role != Membership.Role.OWNER or waits or not user.is_active:
        raise PermissionDenied
    return user, int(wanted)


@require_POST
def open_account(request: HttpRequest) -> HttpResponse:
    """Open the account, or go on with it: off to the provider's own pages."""
    user, operator_id = _owner_of(request)
    provider = request.POST.get("provider", "")
    if provider not in settings.PAYMENT_PROVIDERS:
        raise PermissionDenied
    back = f"{settings.PUBLIC_BASE_URL}{reverse('payee:opened')}?operator={operator_id}"
    try:
        begun = payees.onboard(
            operator_id=operator_id,
            provider=provider,
            return_url=back,
            by=user.email,
            at=timezone.now(),
        )
    except (DomainError, ProviderError) as error:
        page = HttpResponseRedirect(reverse("payee:opening"))
        page["Location"] += f"?refused={getattr(error, 'code', 'provider_error')}"
        return page
    return HttpResponseRedirect(begun.url)


@require_GET
def opened(request: HttpRequest) -> HttpResponse:
    """Back from the provider: ask how the account stands, then on with the steps."""
    _user, operator_id = _owner_of(request)
    with acting_for([operator_id]):
        rows = PayeeAccount.objects.filter(operator_id=operator_id, is_default=True)
        ids = list(rows.values_list("pk", flat=True)[:10])
        for account_id in ids:
            payees.ask_again(payee_account_id=account_id)
    return HttpResponseRedirect(reverse("console:onboarding"))
