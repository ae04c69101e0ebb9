"""Corrections of bills over REST: what moved, and what is decided about stuck ones."""

from typing import Any

from django.urls import path
from rest_framework import serializers

from cpms.accounts.api.tables import OfOperator, Table, list_view
from settlement.api.books import deed_view
from settlement.models import Correction
from settlement.services import corrections


class CorrectionRow(OfOperator):
    """A difference that a changed bill left, and how it is settled."""

    class Meta:
        model = Correction
        fields = (
            *("id", "operator", "order_number", "state", "difference_minor"),
            *("moved_minor", "currency", "reason", "requested_by", "note", "tries"),
            *("created_at", "finished_at"),
        )


class CorrectionFilter(serializers.Serializer[Any]):
    """Which corrections."""

    state = serializers.ChoiceField(choices=Correction.State.choices, required=False)
    order_number = serializers.CharField(max_length=20, required=False)


TABLE = Table("corrections", Correction, CorrectionRow, CorrectionFilter)
AgainView = deed_view(
    Correction,
    CorrectionRow,
    "retry_correction",
    "Let a stuck correction go on.",
    lambda row, by, at: corrections.try_again(correction_id=row.pk, by=by, at=at),
)
ElsewhereView = deed_view(
    Correction,
    CorrectionRow,
    "settle_correction_elsewhere",
    "End a stuck correction that somebody settled another way.",
    lambda row, by, at: corrections.settle_elsewhere(
        correction_id=row.pk, note=f"by {by}", by=by, at=at
    ),
)
BASE = "api/v1/operator"
urlpatterns = [
    path(f"{BASE}/corrections", list_view(TABLE).as_view()),
    path(f"{BASE}/corrections/<int:row_id>/retry", AgainView.as_view()),
    path(f"{BASE}/corrections/<int:row_id>/settled-elsewhere", ElsewhereView.as_view()),
]
