"""Rate limits by address, beside those by account."""

from rest_framework.request import Request
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView


class AddressThrottle(ScopedRateThrottle):
    """The view's rate once more, for the address: accounts are made quickly."""

    def get_cache_key(self, request: Request, view: APIView) -> str:  # noqa: ARG002
        """Whoever asks from there counts together."""
        return self.cache_format % {
            "scope": f"{self.scope}_address",
            "ident": self.get_ident(request),
        }
