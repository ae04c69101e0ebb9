"""Lists come in pages by cursor: stable while rows are added."""

from typing import Any

from django.core.exceptions import ValidationError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination as _CursorPagination
from rest_framework.request import Request


class CursorPagination(_CursorPagination):
    """``?cursor=…&page_size=…``, newest first."""

    ordering = "-id"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    invalid_cursor_message = "Invalid cursor; follow the addresses in next, previous."

    def paginate_queryset(
        self,
        queryset: Any,  # noqa: ANN401 - DRF's own
        request: Request,
        view: Any = None,  # noqa: ANN401 - DRF's own
    ) -> list[Any] | None:
        """The rows of a page.

        Raises:
            NotFound: the cursor is none of ours; REST framework itself looks at its
                shape only, not at the position in it.
        """
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, ValidationError) as error:
            if self.cursor_query_param not in request.query_params:
                raise
            raise NotFound(self.invalid_cursor_message) from error
