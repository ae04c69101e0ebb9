"""A few views, to see what every view gets from the shared REST parts."""

from collections.abc import Callable

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.urls import path
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from cpms.accounts.api.idempotency import IdempotentMixin
from cpms.accounts.api.permissions import HasScope, IsDriver
from cpms.accounts.api.scoping import DriverScopedView, OperatorScopedView
from cpms.accounts.models import Driver, Operator
from cpms.kernel.errors import DomainError


class Refused(DomainError):
    """What a test view refuses with."""


PROBLEMS: dict[str, Exception] = {
    "refused": Refused("no_such_deed", "It does not go.", left=3),
    "gone": Refused("gone", "It went.", http_status=410),
    "fields": exceptions.ValidationError({"name": ["It is missing."]}),
    "nowhere": Http404("no row"),
    "not_found": exceptions.NotFound(),
    "denied": PermissionDenied(),
    "large": RequestDataTooBig(),
    "no_database": OperationalError("gone away\n"),
    "no_connection": InterfaceError("closed"),
    "crash": RuntimeError("a defect"),
}


class Raising(APIView):
    """Raises what its address names."""

    permission_classes = []

    def get(self, request, name):
        raise PROBLEMS[name]


class Echo(APIView):
    """Says who asks, and what."""

    def get(self, request):
        return Response({"pk": str(request.user.pk)})

    def post(self, request):
        return Response(request.data)


class Scoped(APIView):
    """Needs a scope."""

    permission_classes = [HasScope("orders:read")]

    def get(self, request):
        return Response({})


class OnlyDrivers(APIView):
    """Needs a driver."""

    permission_classes = [IsDriver]

    def get(self, request):
        return Response({"email": request.user.email})


class OncePerMinute(ScopedRateThrottle):
    """The slowest door."""

    THROTTLE_RATES = {"tests": "1/min"}


class Throttled(APIView):
    """Opens once a minute."""

    permission_classes = []
    throttle_classes = [OncePerMinute]
    throttle_scope = "tests"

    def get(self, request):
        return Response({})


class Operators(OperatorScopedView):
    """Shows and renames every operator that can be seen."""

    permission_classes = [HasScope("charge_points:write")]

    def get(self, request):
        codes = Operator.objects.order_by("code").values_list("code", flat=True)
        return Response({"ids": self.operator_ids, "codes": list(codes)})

    def post(self, request):
        renamed = Operator.objects.update(name=request.data["name"])
        if request.data.get("refuse"):
            raise Refused("after_all", "After all not.")
        if request.data.get("crash"):
            raise RuntimeError("a defect")
        return Response({"renamed": renamed}, status=201)


class Unscoped(Operators):
    """Opens its scopes itself."""

    one_transaction = False


class Anybody(OperatorScopedView):
    """Asks for nothing but an operator."""

    permission_classes = []

    def get(self, request):
        return Response({"ids": self.operator_ids})


class Drivers(DriverScopedView):
    """Shows and changes every driver that can be seen."""

    def get(self, request):
        emails = Driver.objects.values_list("email", flat=True)
        return Response({"id": self.driver_id, "emails": list(emails)})

    def post(self, request):
        Driver.objects.update(locale=request.data["locale"])
        raise Refused("after_all", "After all not.")


class DriversUnscoped(Drivers):
    """Opens its scopes itself."""

    one_transaction = False


class Deeds:
    """What the idempotent views do, and how often they did it."""

    count: int = 0
    during: Callable[[], None] | None = None

    @classmethod
    def do(cls, data):
        cls.count += 1
        if cls.during:
            cls.during()
        if data.get("refuse"):
            raise Refused("after_all", "After all not.")
        answer = {"number": cls.count, "secret": "shown-once"}
        return Response(answer, status=201)


class Idempotent(IdempotentMixin):
    """Does a deed, in no database transaction of its own."""

    permission_classes = []

    def get(self, request):
        return Response({})

    def post(self, request):
        return Deeds.do(request.data)


class IdempotentScoped(IdempotentMixin, OperatorScopedView):
    """Does a deed for an operator, in one database transaction."""

    def post(self, request):
        return Deeds.do(request.data)


urlpatterns = [
    path("raising/<str:name>", Raising.as_view()),
    path("echo", Echo.as_view()),
    path("scoped", Scoped.as_view()),
    path("only-drivers", OnlyDrivers.as_view()),
    path("throttled", Throttled.as_view()),
    path("operators", Operators.as_view()),
    path("unscoped", Unscoped.as_view()),
    path("anybody", Anybody.as_view()),
    path("drivers", Drivers.as_view()),
    path("drivers-unscoped", DriversUnscoped.as_view()),
    path("deeds", Idempotent.as_view()),
    path("deeds/other", Idempotent.as_view()),
    path("deeds/scoped", IdempotentScoped.as_view()),
]
handler400 = "cpms.accounts.api.problems.bad_request"
handler403 = "cpms.accounts.api.problems.forbidden"
handler404 = "cpms.accounts.api.problems.not_found"
handler500 = "cpms.accounts.api.problems.server_error"
