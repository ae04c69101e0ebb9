"""Vehicles of drivers: enrolment, renewal, caps, sharing, hand-over."""

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import Throttled
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from billing.api import vehicle_shapes as shapes
from cpms.accounts import guesses
from cpms.accounts.api.idempotency import IdempotentMixin
from cpms.accounts.api.permissions import IsDriver
from cpms.accounts.api.problems import problem
from cpms.accounts.api.scoping import DriverScopedView
from cpms.accounts.models import Driver, Vehicle
from cpms.accounts.services import vehicle_chains, vehicle_sharing, vehicles


class _VehicleView(DriverScopedView):
    permission_classes: tuple[type[BasePermission], ...] = (IsDriver,)

    def _unknown(self) -> Response:
        return problem(404, "unknown_vehicle", "You have no vehicle with this id.")


class VehiclesView(IdempotentMixin, _VehicleView):
    """The driver's vehicles, own and shared ones."""

    @extend_schema(responses=shapes.VehicleShape(many=True))
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's own
        """List own vehicles, then those that others share with the driver."""
        own = list(Vehicle.objects.filter(driver_id=self.driver_id).order_by("pk"))
        rows = own + vehicle_sharing.shared_with(self.driver_id)
        context = {"driver_id": self.driver_id}
        return Response(shapes.VehicleShape(rows, many=True, context=context).data)

    @extend_schema(request=shapes.VehicleRequest, responses={201: shapes.VehicleShape})
    def post(self, request: Request) -> Response:
        """Enrol a vehicle by public key, CSR, or an existing certificate chain."""
        form = shapes.VehicleRequest(data=request.data)
        form.is_valid(raise_exception=True)
        data: dict[str, Any] = dict(form.validated_data)
        chain, proof = data.pop("certificate_chain_pem"), data.pop("proof")
        if chain:
            vehicle = vehicle_chains.register(
                driver_id=self.driver_id,
                label=data["label"],
                chain_pem=chain,
                proof=proof,
                at=timezone.now(),
            )
        else:
            vehicle = vehicles.enrol(
                driver_id=self.driver_id, **data, at=timezone.now()
            )
        return _answer(vehicle, self.driver_id, 201)


class VehicleView(_VehicleView):
    """One vehicle."""

    @extend_schema(request=shapes.VehicleChange, responses=shapes.VehicleShape)
    def patch(self, request: Request, vehicle_id: int) -> Response:
        """Change the label and what may be spent with it."""
        form = shapes.VehicleChange(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        vehicle = vehicles.own(driver_id=self.driver_id, vehicle_id=vehicle_id)
        for name, value in form.validated_data.items():
            setattr(vehicle, name, value)
        vehicle.save(update_fields=list(form.validated_data))
        return _answer(vehicle, self.driver_id, 200)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, vehicle_id: int) -> Response:  # noqa: ARG002
        """Revoke it: its proofs are refused from now on."""
        found = vehicles.revoke(
            driver_id=self.driver_id, vehicle_id=vehicle_id, at=timezone.now()
        )
        return Response(status=204) if found else self._unknown()


class VehicleCertificateView(IdempotentMixin, _VehicleView):
    """The vehicle's certificate."""

    @extend_schema(request=shapes.RenewRequest, responses={201: shapes.VehicleShape})
    def post(self, request: Request, vehicle_id: int) -> Response:
        """Renew it by a CSR of its key, or of a new one."""
        form = shapes.RenewRequest(data=request.data)
        form.is_valid(raise_exception=True)
        vehicle = vehicles.renew(
            driver_id=self.driver_id,
            vehicle_id=vehicle_id,
            at=timezone.now(),
            **form.validated_data,
        )
        return _answer(vehicle, self.driver_id, 201)


class VehicleDriversView(IdempotentMixin, _VehicleView):
    """Further drivers of an own vehicle."""

    @extend_schema(responses=shapes.FurtherDriverShape(many=True))
    def get(self, request: Request, vehicle_id: int) -> Response:  # noqa: ARG002
        """List them."""
        rows = vehicle_sharing.drivers_of(
            driver_id=self.driver_id, vehicle_id=vehicle_id
        )
        body = [
            {"driver_id": driver_id, "email": email, "shared_at": shared_at}
            for driver_id, email, shared_at in rows
        ]
        return Response(shapes.FurtherDriverShape(body, many=True).data)

    @extend_schema(request=shapes.ShareRequest, responses={201: shapes.ShareRequest})
    def post(self, request: Request, vehicle_id: int) -> Response:
        """Share the vehicle with another account."""
        form = shapes.ShareRequest(data=request.data)
        form.is_valid(raise_exception=True)
        email = form.validated_data["email"]
        # Who is told that an address is unknown must not ask for a list of them.
        me = Driver.objects.get(pk=self.driver_id).email
        if guesses.is_spent("account", me):
            raise Throttled(wait=guesses.WINDOW_S)
        try:
            vehicle_sharing.share(
                driver_id=self.driver_id,
                vehicle_id=vehicle_id,
                email=email,
                at=timezone.now(),
            )
        except vehicle_sharing.UnableToShare:
            guesses.count("account", me)
            raise
        return Response({"email": email}, status=201)


class VehicleDriverView(_VehicleView):
    """One further driver."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, vehicle_id: int, other_id: int) -> Response:  # noqa: ARG002
        """End the share; a further driver may end its own."""
        ended = vehicle_sharing.unshare(
            driver_id=self.driver_id, vehicle_id=vehicle_id, other_id=other_id
        )
        return Response(status=204) if ended else self._unknown()


class VehiclePayerView(IdempotentMixin, _VehicleView):
    """Who pays for a shared vehicle."""

    @extend_schema(request=None, responses={200: shapes.VehicleShape})
    def post(self, request: Request, vehicle_id: int) -> Response:  # noqa: ARG002
        """Pay for the charges of a shared vehicle from now on."""
        vehicle = vehicle_sharing.take_over(
            driver_id=self.driver_id, vehicle_id=vehicle_id
        )
        return _answer(vehicle, self.driver_id, 200)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, vehicle_id: int) -> Response:  # noqa: ARG002
        """Let the owner pay again."""
        done = vehicle_sharing.give_back(
            driver_id=self.driver_id, vehicle_id=vehicle_id
        )
        return Response(status=204) if done else self._unknown()


class VehicleTransferView(IdempotentMixin, _VehicleView):
    """Handing an own vehicle over."""

    @extend_schema(request=None, responses={201: shapes.TransferShape})
    def post(self, request: Request, vehicle_id: int) -> Response:  # noqa: ARG002
        """Make a code for the new owner; it is shown once and ends an earlier one."""
        offered = vehicle_sharing.offer_transfer(
            driver_id=self.driver_id, vehicle_id=vehicle_id, at=timezone.now()
        )
        body = {"code": offered.code, "expires_at": offered.expires_at}
        return Response(shapes.TransferShape(body).data, status=201)


class VehicleTakeoverView(IdempotentMixin, _VehicleView):
    """Taking a vehicle over."""

    @extend_schema(request=shapes.TakeoverRequest, responses={201: shapes.VehicleShape})
    def post(self, request: Request) -> Response:
        """Become the owner by the former owner's code."""
        form = shapes.TakeoverRequest(data=request.data)
        form.is_valid(raise_exception=True)
        vehicle = vehicle_sharing.accept_transfer(
            driver_id=self.driver_id, at=timezone.now(), **form.validated_data
        )
        return _answer(vehicle, self.driver_id, 201)


def _answer(vehicle: Vehicle, driver_id: int, status: int) -> Response:
    shape = shapes.VehicleShape(vehicle, context={"driver_id": driver_id})
    return Response(shape.data, status=status)
