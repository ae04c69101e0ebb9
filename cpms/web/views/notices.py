"""Which mails a driver wants, and when not."""

from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cpms.accounts.models import Driver
from cpms.accounts.tenancy import acting_as_driver
from cpms.notifications.models import DriverNotificationSettings
from cpms.web.notice_form import NoticeForm
from cpms.web.pages import show
from cpms.web.views.account import of_driver


@require_http_methods(["GET", "POST"])
@of_driver
def notices(request: HttpRequest, driver: Driver) -> HttpResponse:
    """Kinds of mail, and the hours in which only urgent ones come."""
    with acting_as_driver(driver.pk):
        rows = DriverNotificationSettings.objects.filter(driver_id=driver.pk)
        row = rows.first() or DriverNotificationSettings(driver_id=driver.pk)
    form = NoticeForm(request.POST or None, initial=NoticeForm.begin(row))
    if form.is_valid():
        with acting_as_driver(driver.pk):
            DriverNotificationSettings.objects.update_or_create(
                driver_id=driver.pk, defaults=form.columns
            )
        messages.success(request, _("Saved."))
        return redirect("web:notices")
    context = {"driver": driver, "form": form, "tab": "preferences"}
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.errors else HTTPStatus.OK
    return show(request, "account/notices.html", context, status=status)
