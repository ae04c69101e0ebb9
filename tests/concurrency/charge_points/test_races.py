"""What must hold when two processes do the same thing at the same moment."""

from functools import partial

import pytest
from django.db import transaction

from charge_points.models import (
    CertificateKey,
    ChargingCertificate,
    Command,
    Connector,
    PlugInEpisode,
    QuirkCount,
    StartHandle,
    Transaction,
    TransactionEvent,
)
from charge_points.services import (
    availability,
    certificates,
    commands,
    connections,
    metering,
    quirks,
    starting,
    transactions,
)
from charge_points.services.certificates import keys
from charge_points.services.facts import ConnectionOpening, QuirkRow
from tests.concurrency.charge_points.racing import race
from tests.integration.charge_points.world import (
    NOON,
    ORDER,
    allow,
    energy,
    later,
    make_station,
    told,
)

AT_ONCE = 6


def errors(results):
    return [result for result in results if isinstance(result, Exception)]


def issue(station):
    return certificates.issue(
        connector_id=station.connector().pk,
        request_id="1",
        at=NOON,
        requested_by="station",
    )


def number(n):
    return f"{n:020X}"


def test_of_many_claims_one_wins(station):
    issued = issue(station)

    def claim(n):
        return certificates.claim(
            presented=issued.code,
            order_number=number(n),
            idempotency_key=str(n),
            at=NOON,
        )

    results = race(*[partial(claim, n) for n in range(AT_ONCE)])
    refused = errors(results)
    assert len(refused) == AT_ONCE - 1
    assert {error.code for error in refused} == {"certificate_already_claimed"}
    (winner,) = [result for result in results if result not in refused]
    assert ChargingCertificate.objects.get().order_number == winner.order_number


def test_identical_claims_get_the_same_answer(station):
    issued = issue(station)
    claim = partial(
        certificates.claim,
        presented=issued.code,
        order_number=ORDER,
        idempotency_key="same",
        at=NOON,
    )
    results = race(*[claim] * AT_ONCE)
    assert not errors(results)
    assert len(set(results)) == 1


def test_many_requests_leave_one_live_certificate_and_one_key(station):
    keys._private_key.cache_clear()
    results = race(*[partial(issue, station)] * AT_ONCE)
    assert not errors(results)
    states = list(ChargingCertificate.objects.values_list("state", flat=True))
    assert states.count("issued") == 1
    assert states.count("superseded") == AT_ONCE - 1
    assert CertificateKey.objects.count() == 1
    assert PlugInEpisode.objects.count() == 1


def test_a_claim_and_an_unplug_leave_no_order_behind(station):
    for round_ in range(5):
        at = later(minutes=round_)
        station.tell_status("preparing", at)
        issued = certificates.issue(
            connector_id=station.connector().pk,
            request_id="1",
            at=at,
            requested_by="station",
        )

        def claim(issued=issued, round_=round_, at=at):
            with transaction.atomic():
                certificates.claim(
                    presented=issued.code,
                    order_number=number(round_),
                    idempotency_key="",
                    at=at,
                )
                return station.reserve(number(round_), at=at)

        results = race(
            claim,
            partial(station.tell_status, "available", later(seconds=round_ * 60 + 1)),
        )
        row = ChargingCertificate.objects.get(jti=issued.jti)
        if errors(results):
            assert row.state == "revoked"
        else:
            assert row.state == "failed"
            handle = StartHandle.objects.get(order_number=number(round_))
            assert handle.state in {"failed", "pending"}
            starting.cancel(order_number=handle.order_number, at=at)


def test_a_repeated_start_on_two_connections_is_one_transaction(station):
    allow("tag")
    results = race(*[partial(station.start, "tag")] * AT_ONCE)
    assert not errors(results)
    assert len({result.ocpp_id for result in results}) == 1
    assert Transaction.objects.count() == 1
    assert told().count("TransactionStarted") == 1


def test_an_order_starts_once_whoever_asks(station):
    station.ask_start()
    results = race(
        *[partial(station.start, ORDER, later(seconds=n)) for n in range(AT_ONCE)]
    )
    assert not errors(results)
    accepted = [result for result in results if result.authorization.accepted]
    assert len(accepted) == 1
    assert Transaction.objects.filter(order_number=ORDER).count() == 1
    assert told().count("TransactionStarted") == 1


def test_a_start_and_its_timeout_agree(station):
    for round_ in range(5):
        order, at = number(round_), later(hours=round_)
        station.ask_start(order, at=at)
        late = later(hours=round_, seconds=121)
        race(
            partial(station.start, order, at=later(hours=round_, seconds=119)),
            partial(starting.time_out, at=late),
        )
        handle = StartHandle.objects.get(order_number=order)
        running = Transaction.objects.filter(order_number=order, state="active")
        assert handle.state == ("started" if running.exists() else "failed")
        for row in running:
            station.stop(row.ocpp_id, late, 1000)


def test_a_connector_is_reserved_once(station):
    results = race(*[partial(station.reserve, number(n)) for n in range(AT_ONCE)])
    refused = errors(results)
    assert len(refused) == AT_ONCE - 1
    assert {error.code for error in refused} == {"connector_busy"}
    assert StartHandle.objects.count() == 1


def test_a_stop_that_comes_twice_at_once_ends_once(station):
    allow("tag")
    began = station.start("tag")
    results = race(
        *[partial(station.stop, began.ocpp_id, later(minutes=5), 2000)] * AT_ONCE
    )
    assert sorted(result.outcome for result in results) == (
        ["ended"] + ["repeated"] * (AT_ONCE - 1)
    )
    assert told().count("TransactionEnded") == 1


def test_the_same_events_on_two_connections_count_once(station):
    allow("tag")
    events = [
        station.event(0, "Started", id_token="tag", samples=[energy(0, NOON)]),
        station.event(1, at=later(minutes=5), samples=[energy(500, later(minutes=5))]),
        station.event(
            2, "Ended", later(minutes=9), samples=[energy(900, later(minutes=9))]
        ),
    ]
    results = race(*[partial(transactions.apply_events, events)] * AT_ONCE)
    assert not errors(results)
    assert TransactionEvent.objects.count() == 3
    assert Transaction.objects.get().energy_wh == 900
    assert told().count("TransactionStarted") == 1
    assert told().count("TransactionEnded") == 1


def test_meter_values_and_a_stop_lose_nothing(station):
    allow("tag")
    for round_ in range(5):
        at = later(hours=round_)
        began = station.start("tag", at=at, meter=0)
        batch = [
            station.values(began.ocpp_id, energy(500, later(hours=round_, minutes=5)))
        ]
        results = race(
            partial(metering.record, batch),
            partial(station.stop, began.ocpp_id, later(hours=round_, minutes=9), 900),
        )
        assert not errors(results)
        row = Transaction.objects.get(ocpp_id=began.ocpp_id)
        assert (row.state, row.energy_wh) == ("ended", 900)


def test_the_first_reports_of_many_stations_never_deadlock(station):
    stations = [station, *[make_station(f"CP-{n}") for n in range(2, 8)]]

    def report(order):
        availability.report_status(
            [
                one.status(
                    "available", later(seconds=n), evse=evse, connector=connector
                )
                for one in order
                for n, (evse, connector) in enumerate([(0, 0), (1, 1), (2, 1), (3, 1)])
            ]
        )

    for _ in range(5):
        results = race(
            partial(report, stations),
            partial(report, list(reversed(stations))),
            partial(report, stations[::2]),
            partial(report, stations[1::2]),
        )
        assert not errors(results)
    assert Connector.objects.filter(evse_number=3).count() == len(stations)


def test_a_command_is_taken_by_one_process(station):
    for n in range(4):
        commands.queue(
            charge_point_id=station.id,
            action="Reset",
            payload={},
            by="x",
            idempotency_key=str(n),
            expires_at=later(minutes=5),
            at=NOON,
        )
    take = partial(
        commands.take_for_delivery, charge_point_ids=[station.id], node="n", at=NOON
    )
    results = race(*[take] * AT_ONCE)
    taken = [command.command_id for result in results for command in result]
    assert len(taken) == len(set(taken))
    assert Command.objects.filter(state="sent").count() == len(taken)


def test_one_command_per_idempotency_key(station):
    queue = partial(
        commands.queue,
        charge_point_id=station.id,
        action="Reset",
        payload={},
        by="x",
        idempotency_key="same",
        expires_at=later(minutes=5),
        at=NOON,
    )
    results = race(*[queue] * AT_ONCE)
    assert not errors(results)
    assert len({result.pk for result in results}) == 1


def test_generations_are_given_once(station):
    opening = ConnectionOpening(station.id, "1.6", NOON)
    results = race(*[partial(connections.open_many, [opening])] * AT_ONCE)
    assert sorted(result[0] for result in results) == list(range(1, AT_ONCE + 1))


def test_quirks_are_counted_whoever_counts(station):
    rows = [
        QuirkRow(**station.who, version="1.6", quirk=name, at=NOON)
        for name in ("a", "b", "c")
    ]
    results = race(
        *[partial(quirks.count_many, rows)] * 3,
        *[partial(quirks.count_many, rows[::-1])] * 3,
    )
    assert not errors(results)
    assert set(QuirkCount.objects.values_list("count", flat=True)) == {6}


@pytest.mark.parametrize("sweep", ["time_out", "settle"])
def test_two_sweeps_at_once_do_the_work_once(station, sweep):
    station.ask_start()
    deed = {
        "time_out": partial(starting.time_out, at=later(seconds=121)),
        "settle": partial(commands.settle_overdue, at=later(seconds=121)),
    }[sweep]
    results = race(*[deed] * AT_ONCE)
    assert not errors(results)
    assert len(told("StartTimedOut") + told("StartFailed")) == 1
