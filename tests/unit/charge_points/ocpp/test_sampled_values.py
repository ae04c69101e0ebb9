import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings, strategies as st

from charge_points.ocpp import quirk_names
from charge_points.ocpp.metering import MeterSample, SignedValue
from charge_points.ocpp.schemas import call_schema
from charge_points.ocpp.v16 import sampled_values as v16
from charge_points.ocpp.v201 import sampled_values as v201
from tests.unit.charge_points.ocpp.payloads import payloads

AT = "2024-01-31T12:00:00Z"
NOON = datetime(2024, 1, 31, 12, tzinfo=UTC)
ARRIVAL = datetime(2024, 2, 1, tzinfo=UTC)
IMPORT = "Energy.Active.Import.Register"


def read(*samples, module=v16, at=AT):
    return module.sampled_values(
        [{"timestamp": at, "sampledValue": list(samples)}], received_at=ARRIVAL
    )


def one(*samples, module=v16, at=AT):
    (sample,) = read(*samples, module=module, at=at)
    return sample


def new(value, measurand=None, unit=None, multiplier=None, **more):
    """A sampled value of 2.0.1."""
    measure = {"unit": unit, "multiplier": multiplier}
    measure = {key: given for key, given in measure.items() if given is not None}
    sample = {"value": value, **more}
    if measurand:
        sample["measurand"] = measurand
    return {**sample, "unitOfMeasure": measure} if measure else sample


def old(value, measurand=None, unit=None, **more):
    """A sampled value of 1.6."""
    sample = {"value": value, **more}
    if measurand:
        sample["measurand"] = measurand
    return {**sample, "unit": unit} if unit is not None else sample


def test_a_bare_value_is_the_import_register_in_wh_sampled_periodically():
    for sample in (one({"value": "1234.5"}), one({"value": 1234.5}, module=v201)):
        assert sample == MeterSample(
            sampled_at=NOON,
            energy_wh=Decimal("1234.5"),
            power_w=None,
            current_a=None,
            voltage_v=None,
            soc_percent=None,
            context="Sample.Periodic",
            location="Outlet",
        )
        assert sample.counts_for_energy


@pytest.mark.parametrize(
    ("value", "unit", "energy_wh"),
    [
        ("0.083", "kWh", "83.000"),
        ("910", "Wh", "910"),
        ("910", "", "910"),
        ("1.5", "MWh", "1500000"),
        ("12,5", "kWh", "12500"),
        (" 12.5 ", " KWH ", "12500"),
        ("8.1", "kWh", "8100"),
    ],
)
def test_energy_of_1_6_is_exact_in_wh(value, unit, energy_wh):
    assert one(old(value, IMPORT, unit)).energy_wh == Decimal(energy_wh)


@pytest.mark.parametrize(
    ("value", "unit", "multiplier", "energy_wh"),
    [
        (0.083, "kWh", None, "83"),
        (0.083, "kWh", 0, "83"),
        (0.083, None, 3, "83"),
        (0.083, "Wh", 3, "83"),
        (8.1, "kWh", 1, "81000"),
        (8100, "Wh", -3, "8.1"),
        (910, None, None, "910"),
    ],
)
def test_energy_of_2_0_1_is_exact_in_wh(value, unit, multiplier, energy_wh):
    sample = one(new(value, IMPORT, unit, multiplier), module=v201)
    assert sample.energy_wh == Decimal(energy_wh)
    assert sample.quirks == ()


@pytest.mark.parametrize("multiplier", [10, -10, 2**40, 1.5, "3"])
def test_an_absurd_multiplier_drops_the_value(multiplier):
    sample = one(new(1, IMPORT, "Wh", multiplier), module=v201)
    assert sample.energy_wh is None
    assert sample.quirks == ("multiplier_out_of_range",)


@pytest.mark.parametrize(
    "measurand",
    [
        "Energy.Active.Export.Register",
        "Energy.Reactive.Import.Register",
        "Energy.Active.Import.Interval",
        "Energy.Active.Export.Interval",
        "Power.Active.Export",
        "Power.Offered",
        "Current.Offered",
        "Temperature",
        "Frequency",
    ],
)
def test_nothing_but_the_import_register_is_energy(measurand):
    sample = one(old("5", measurand, "Wh"))
    assert sample.energy_wh is None
    assert not sample.counts_for_energy
    assert sample.quirks == ()


def test_a_unit_that_does_not_fit_drops_the_value_and_is_counted():
    sample = one(old("5", IMPORT, "W"), old("6", "Power.Active.Import", "kW"))
    assert (sample.energy_wh, sample.power_w) == (None, Decimal(6000))
    assert sample.quirks == ("unknown_unit",)


def test_an_unreadable_number_drops_the_value_and_is_counted():
    sample = one(old("?", IMPORT), old("6", "Voltage"))
    assert (sample.energy_wh, sample.voltage_v) == (None, Decimal(6))
    assert sample.quirks == ("unreadable_number",)


def phases(measurand, *values, suffix="", unit=None):
    return [
        old(value, measurand, unit, phase=f"L{number}{suffix}")
        for number, value in enumerate(values, 1)
    ]


def test_energy_per_phase_is_summed_when_there_is_no_total():
    sample = one(*phases(IMPORT, "1.1", "2.2", "3.3", unit="kWh"))
    assert sample.energy_wh == Decimal(6600)
    assert sample.quirks == ("phases_without_total",)


def test_a_total_goes_before_its_phases_in_any_order():
    by_phase = phases(IMPORT, "1", "2", "3")
    for samples in ([old("7", IMPORT), *by_phase], [*by_phase, old("7", IMPORT)]):
        sample = one(*samples)
        assert sample.energy_wh == 7
        assert sample.quirks == ()


def test_of_two_equal_readings_the_first_counts():
    assert one(old("7", IMPORT), old("8", IMPORT)).energy_wh == 7


def test_power_and_current_are_summed_and_voltage_is_the_mean_of_the_phases():
    sample = one(
        *phases("Power.Active.Import", "1", "2", "3", unit="kW"),
        *phases("Current.Import", "16", "15.5", "0", suffix="-N", unit="A"),
        *phases("Voltage", "230", "231", "233", suffix="-N", unit="V"),
    )
    assert sample.power_w == 6000
    assert sample.current_a == Decimal("31.5")
    assert sample.voltage_v == Decimal("231.333")
    assert sample.energy_wh is None
    assert sample.quirks == ()


def test_totals_of_power_current_and_voltage_count_as_they_are():
    sample = one(
        old("11", "Power.Active.Import", "kW"),
        old("16000", "Current.Import", "mA"),
        old("230", "Voltage", "V"),
        *phases("Voltage", "1"),
    )
    assert (sample.power_w, sample.current_a, sample.voltage_v) == (11000, 16, 230)


def test_neutral_and_line_to_line_are_part_of_no_sum():
    sample = one(
        old("9", "Current.Import", phase="N"),
        old("400", "Voltage", phase="L1-L2"),
        old("400", "Voltage", phase="L9"),
    )
    assert (sample.current_a, sample.voltage_v) == (None, None)


def test_soc_alone_has_no_energy():
    sample = one(old("55.5", "SoC", "Percent", location="EV"))
    assert sample.soc_percent == Decimal("55.5")
    assert sample.energy_wh is None
    assert not sample.counts_for_energy


@pytest.mark.parametrize("value", ["-1", "101", "65535"])
def test_an_impossible_soc_is_dropped(value):
    sample = one(old(value, "SoC"))
    assert sample.soc_percent is None
    assert sample.quirks == ("soc_out_of_range",)


def test_clock_aligned_energy_is_marked_as_not_counting():
    sample = one(old("5", IMPORT, context="Sample.Clock"))
    assert sample.energy_wh == 5
    assert sample.context == "Sample.Clock"
    assert not sample.counts_for_energy


def test_each_context_is_a_sample_of_its_own_in_the_order_sent():
    begin, end = read(
        old("10", IMPORT, context="Transaction.Begin"),
        old("50", IMPORT, context="Transaction.End"),
        old("5", "SoC", context="Transaction.Begin"),
    )
    assert (begin.context, begin.energy_wh, begin.soc_percent) == (
        "Transaction.Begin",
        10,
        5,
    )
    assert (end.context, end.energy_wh, end.soc_percent) == (
        "Transaction.End",
        50,
        None,
    )


def test_the_outlet_goes_before_the_inlet_and_the_vehicle_never_counts_as_energy():
    inlet, outlet = (
        old("9", IMPORT, location="Inlet"),
        old("7", IMPORT, location="Outlet"),
    )
    for samples in ((inlet, outlet), (outlet, inlet)):
        assert (one(*samples).energy_wh, one(*samples).location) == (7, "Outlet")
    assert (one(inlet).energy_wh, one(inlet).location) == (9, "Inlet")
    vehicle = one(
        old("9", IMPORT, location="EV"), old("3", "Power.Active.Import", location="EV")
    )
    assert (vehicle.energy_wh, vehicle.power_w, vehicle.location) == (None, 3, "EV")
    assert one(old("400", "Voltage", location="EV")).voltage_v == 400
    assert one(old("1", "Voltage", location="Moon")).voltage_v is None
    assert one(old("1", IMPORT, location="Moon")).energy_wh is None


def test_signed_data_of_1_6_is_kept_unchanged_and_is_no_number():
    sample = one(
        old("T0NNRg==", format="SignedData", context="Transaction.End"),
        old("50", IMPORT, context="Transaction.End"),
    )
    assert sample.signed == (SignedValue("T0NNRg==", "", "", "", "Transaction.End"),)
    assert sample.energy_wh == 50
    assert sample.quirks == ()


def test_ocmf_that_is_not_marked_as_signed_is_kept_and_counted():
    sample = one(old('OCMF|{"RD":[]}|{"SD":""}'))
    assert sample.signed[0].data == 'OCMF|{"RD":[]}|{"SD":""}'
    assert sample.energy_wh is None
    assert sample.quirks == ("signed_without_format",)


def test_signed_data_of_2_0_1_comes_with_its_value_and_key():
    signed = {
        "signedMeterData": "x",
        "signingMethod": "ECDSA",
        "encodingMethod": "OCMF",
        "publicKey": "k",
    }
    sample = one(new(5, IMPORT, signedMeterValue=signed), module=v201)
    assert sample.energy_wh == 5
    assert sample.signed == (SignedValue("x", "ECDSA", "OCMF", "k", "Sample.Periodic"),)


@pytest.mark.parametrize("module", [v16, v201])
@pytest.mark.parametrize(
    ("at", "sampled_at", "quirks"),
    [
        ("2024-01-31 12:00:00", NOON, ("time_without_zone",)),
        ("", ARRIVAL, ("time_unreadable",)),
        ("1970-01-01T00:00:00Z", ARRIVAL, ("clock_not_set",)),
    ],
)
def test_the_arrival_stands_in_for_a_time_of_no_use(module, at, sampled_at, quirks):
    sample = one({"value": 1}, module=module, at=at)
    assert (sample.sampled_at, sample.quirks) == (sampled_at, quirks)


@pytest.mark.parametrize("module", [v16, v201])
def test_several_meter_values_stay_in_the_order_sent(module):
    samples = module.sampled_values(
        [
            {"timestamp": AT, "sampledValue": [{"value": 2}]},
            {"timestamp": AT, "sampledValue": [{"value": 1}]},
            {"timestamp": AT, "sampledValue": []},
        ],
        received_at=ARRIVAL,
    )
    assert [sample.energy_wh for sample in samples] == [2, 1]
    assert module.sampled_values([], received_at=ARRIVAL) == []


@given(st.integers(0, 10**12), st.integers(0, 6))
@settings(deadline=None)
def test_kilowatt_hours_are_never_rounded(digits, places):
    number = Decimal(digits).scaleb(-places)
    assert one(old(f"{number:f}", IMPORT, "kWh")).energy_wh == number * 1000
    assert (
        one(new(float(number), IMPORT, "kWh"), module=v201).energy_wh == number * 1000
    )


@pytest.mark.parametrize(("module", "version"), [(v16, "1.6"), (v201, "2.0.1")])
@given(data=st.data())
@settings(deadline=None)
def test_every_valid_message_can_be_read(module, version, data):
    payload = data.draw(payloads(call_schema(version, "MeterValues").document))
    samples = module.sampled_values(payload["meterValue"], received_at=ARRIVAL)
    for sample in samples:
        assert sample.sampled_at.tzinfo is UTC
        assert set(sample.quirks) <= set(quirk_names.QUIRKS)


@pytest.mark.parametrize("name", ["signedMeterData", "signedMeterValue"])
def test_signed_data_of_1_6_may_be_the_object_of_2_0_1_as_text(name):
    told = {name: "x", "encodingMethod": "OCMF", "publicKey": "k", "signingMethod": ""}
    sample = one(old(json.dumps(told), format="SignedData"))

    assert sample.signed == (SignedValue("x", "", "OCMF", "k", "Sample.Periodic"),)


@pytest.mark.parametrize("text", ["{", "{}", '{"signedMeterData": 5}'])
def test_signed_data_of_1_6_that_only_looks_like_it_is_kept_unchanged(text):
    sample = one(old(text, format="SignedData"))

    assert sample.signed == (SignedValue(text, "", "", "", "Sample.Periodic"),)
