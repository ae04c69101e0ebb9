import pytest

from simulators.charge_point.options import Settings, StationOptions
from simulators.charge_point.v16.configuration import Configuration
from simulators.charge_point.v201.variables import DeviceModel


@pytest.fixture
def settings():
    return Settings()


@pytest.mark.parametrize(
    ("key", "value", "status"),
    [
        ("HeartbeatInterval", "77", "Accepted"),
        ("HeartbeatInterval", "soon", "Rejected"),
        ("AuthorizeRemoteTxRequests", "TRUE", "Accepted"),
        ("AuthorizeRemoteTxRequests", "maybe", "Rejected"),
        ("NumberOfConnectors", "9", "Rejected"),
        ("WebSocketPingInterval", "9", "RebootRequired"),
        ("CpoName", "Somebody", "Accepted"),
        ("Nonsense", "1", "NotSupported"),
    ],
)
def test_a_key_changes_only_as_it_may(settings, key, value, status):
    configuration = Configuration(StationOptions(), settings)
    before = {row["key"]: row["value"] for row in configuration.entries(None)}

    assert configuration.change(key, value) == status
    after = {row["key"]: row["value"] for row in configuration.entries(None)}
    changed = {name for name, old in before.items() if after[name] != old}
    assert changed == ({key} if status in {"Accepted", "RebootRequired"} else set())


def test_a_key_changes_the_stations_work(settings):
    configuration = Configuration(StationOptions(), settings)
    configuration.change("MeterValueSampleInterval", "15")
    configuration.change("AllowOfflineTxForUnknownId", "true")

    assert settings.meter_interval_s == 15
    assert settings.offline_unknown_allowed


def test_only_the_wanted_keys_are_shown(settings):
    configuration = Configuration(StationOptions(evses=2), settings)

    assert configuration.entries(["NumberOfConnectors"]) == [
        {"key": "NumberOfConnectors", "readonly": True, "value": "2"}
    ]


def named(component, variable, **more):
    return {"component": {"name": component}, "variable": {"name": variable}, **more}


@pytest.mark.parametrize(
    ("component", "variable", "kind", "status"),
    [
        ("OCPPCommCtrlr", "HeartbeatInterval", "Actual", "Accepted"),
        ("AuthCtrlr", "AuthorizeRemoteStart", "Actual", "Accepted"),
        ("ChargingStation", "Model", "Actual", "Accepted"),
        ("ChargingStation", "Model", "Target", "NotSupportedAttributeType"),
        ("ChargingStation", "Nonsense", "Actual", "UnknownVariable"),
        ("Nonsense", "Model", "Actual", "UnknownComponent"),
        ("SecurityCtrlr", "BasicAuthPassword", "Actual", "Rejected"),
    ],
)
def test_a_variable_is_read_only_where_it_may(
    settings, component, variable, kind, status
):
    model = DeviceModel(StationOptions(), settings)
    row = model.get(named(component, variable, attribute_type=kind))

    assert row["attributeStatus"] == status
    assert row["attributeType"] == kind
    assert ("attributeValue" in row) == (status == "Accepted")


@pytest.mark.parametrize(
    ("component", "variable", "value", "status"),
    [
        ("SampledDataCtrlr", "TxUpdatedInterval", "15", "Accepted"),
        ("SampledDataCtrlr", "TxUpdatedInterval", "-1", "Rejected"),
        ("TxCtrlr", "StopTxOnInvalidId", "false", "Accepted"),
        ("TxCtrlr", "StopTxOnInvalidId", "no", "Rejected"),
        ("ChargingStation", "Model", "X", "Rejected"),
        ("SecurityCtrlr", "OrganizationName", "Somebody", "Accepted"),
        ("Nonsense", "X", "1", "UnknownComponent"),
    ],
)
def test_a_variable_is_written_only_where_it_may(
    settings, component, variable, value, status
):
    model = DeviceModel(StationOptions(), settings)
    before = model.get(named(component, variable)).get("attributeValue")

    found, row = model.set(named(component, variable, attribute_value=value))

    assert found == row["attributeStatus"] == status
    now = model.get(named(component, variable)).get("attributeValue")
    assert now == (value if status == "Accepted" else before)


def test_a_password_is_never_shown(settings):
    model = DeviceModel(StationOptions(), settings)
    secret = "a-secret-of-sixteen"
    status, _ = model.set(
        named("SecurityCtrlr", "BasicAuthPassword", attribute_value=secret)
    )

    assert status == "Accepted"
    assert secret not in str(model.report("FullInventory"))


def test_the_reports_differ_in_what_they_hold(settings):
    model = DeviceModel(StationOptions(), settings)
    full = model.report("FullInventory")
    writable = model.report("ConfigurationInventory")

    assert 0 < len(writable) < len(full)
    assert all(
        row["variableAttribute"][0]["mutability"] != "ReadOnly" for row in writable
    )
    assert model.report("SummaryInventory") == []
