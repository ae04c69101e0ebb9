"""The browsable description of the REST interface, from this host alone."""

from typing import Any, Final

from drf_spectacular.views import SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""As the drivers' pages; the viewer sets styles at its elements by itself."""


class InterfacePage(SpectacularSwaggerSplitView):
    """Shows ``/api/schema/`` and tries its calls; scripts and styles are our own."""

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        """Keep what the page may load to this host."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Content-Security-Policy"] = POLICY
        return response
