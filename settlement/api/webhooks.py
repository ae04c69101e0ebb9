"""Where payment providers tell us that something changed."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from settlement.providers.base import UnableToVerifyWebhook
from settlement.providers.registry import UnableToFindProvider
from settlement.services import webhooks

SIGNATURE_HEADER = "Stripe-Signature"


@method_decorator(csrf_exempt, name="dispatch")
class WebhookView(View):
    """``POST /webhooks/payments/<provider>/``: verify, keep, answer; work comes later.

    Accounts with an operator's own key have an endpoint of their own below it.

    The raw body is what was signed; nothing else of the request is believed.
    """

    http_method_names = ("post",)

    def post(
        self, request: HttpRequest, provider: str, account: str | None = None
    ) -> HttpResponse:
        """Keep a signed event, once."""
        try:
            new = webhooks.receive(
                provider=provider,
                account=account,
                payload=request.body,
                signature=request.headers.get(SIGNATURE_HEADER, ""),
                at=timezone.now(),
            )
        except UnableToVerifyWebhook as error:
            return JsonResponse(
                {"code": error.code, "detail": error.message}, status=error.status
            )
        except UnableToFindProvider:
            return JsonResponse({"code": "unknown_provider"}, status=404)
        return JsonResponse({"new": new})


class ReturnedView(View):
    """Where the payer's bank sends the payer back to; says nothing about money."""

    http_method_names = ("get",)

    def get(self, _request: HttpRequest) -> HttpResponse:
        """The app or page that began the payment shows how it went on."""
        return HttpResponse(
            "Thank you. You can close this page; your charge goes on by itself.",
            content_type="text/plain; charset=utf-8",
        )
