"""The bill at the end of a charge, on the wire: one station waits, others do not."""

import asyncio

import pytest
from django.db import connection
from django.utils import timezone

from charge_points.models import Transaction
from charge_points.services import id_tokens, tariff_texts
from charge_points.services.facts import VariableFact
from charge_points.services.variables import record
from tests.integration.gateway.test_registration import (
    BOOTS,
    in_database,
    opened,
    serve,
    station,  # noqa: F401 - a fixture
)
from tests.integration.gateway.world import PATIENCE_S, call

pytestmark = pytest.mark.integration


def event(kind, seq_no, **more):
    return {
        "eventType": kind,
        "timestamp": timezone.now().isoformat(),
        "triggerReason": "Authorized",
        "seqNo": seq_no,
        "transactionInfo": {"transactionId": "tx-1"},
        "evse": {"id": 1, "connectorId": 1},
        **more,
    }


def test_the_answer_to_ended_waits_for_the_bill(
    station,  # noqa: F811 - a fixture
    redis_url,
    settings,
    monkeypatch,
):
    monkeypatch.setattr(tariff_texts, "FINAL_WITHIN_S", PATIENCE_S)
    now = timezone.now()
    id_tokens.put_policy(token="A1", status="accepted", operator_id=None, at=now)
    fact = VariableFact(
        "Available", "true", "TariffCostCtrlr", variable_instance="Cost"
    )
    record(
        charge_point_id=station.charge_point_id,
        operator_id=station.operator_id,
        facts=[fact],
        source="test",
        at=now,
    )
    connection.close()

    def bill():
        tariff_texts.put_final_cost(
            transaction_id=Transaction.objects.get().pk,
            total_minor=250,
            currency="EUR",
            text="",
            receipt_url="",
            at=timezone.now(),
        )

    async def scenario(world):
        async with opened(world, "2.0.1") as socket:
            await call(socket, "BootNotification", BOOTS["2.0.1"])
            token = {"idToken": "A1", "type": "ISO14443"}
            await call(socket, "TransactionEvent", event("Started", 0, idToken=token))
            ending = asyncio.create_task(
                call(socket, "TransactionEvent", event("Ended", 1), "end")
            )
            ended = Transaction.objects.filter(state="ended")
            async with asyncio.timeout(PATIENCE_S):
                while not await in_database(ended.exists):
                    assert not ending.done()
                    await asyncio.sleep(0.01)
            assert not ending.done()
            await in_database(bill)
            return await ending

    answer = serve(redis_url, settings, scenario)
    assert answer == [3, "end", {"totalCost": 2.5}]
