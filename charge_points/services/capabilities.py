"""What a station can do, from what it told of its configuration; both versions."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from charge_points.models import DeviceVariable

_NAMES: Final = (
    "LocalAuthListEnabled",
    "LocalAuthListMaxLength",
    "SendLocalListMaxLength",
    "SupportedFeatureProfiles",
    "ReserveConnectorZeroSupported",
    "ChargingScheduleAllowedChargingRateUnit",
    "Enabled",
    "Available",
    "Entries",
    "ItemsPerMessage",
    "RateUnit",
    "MasterPassGroupId",
)

_TRUE: Final = frozenset({"true", "1"})
_FALSE: Final = frozenset({"false", "0"})


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The values that matter, by (component, variable, instance) in lower case."""

    values: dict[tuple[str, str, str], tuple[str, Decimal | None]]

    def text(self, component: str, variable: str, instance: str = "") -> str:
        """A value, empty where the station told none."""
        key = (component.lower(), variable.lower(), instance.lower())
        return self.values.get(key, ("", None))[0].strip()

    def number(self, component: str, variable: str, instance: str = "") -> int | None:
        """A whole number above 0, None where the station told none."""
        text = self.text(component, variable, instance)
        return int(text) if text.isdecimal() and int(text) > 0 else None

    def flag(self, component: str, variable: str, instance: str = "") -> bool | None:
        """A boolean, None where the station told none."""
        word = self.text(component, variable, instance).lower()
        if word in _TRUE:
            return True
        return False if word in _FALSE else None

    @property
    def local_list_enabled(self) -> bool | None:
        """1.6 LocalAuthListEnabled, 2.0.1 LocalAuthListCtrlr.Enabled."""
        told = self.flag("", "LocalAuthListEnabled")
        if told is None:
            told = self.flag("LocalAuthListCtrlr", "Enabled")
        return told

    @property
    def local_list_entries_max(self) -> int | None:
        """1.6 LocalAuthListMaxLength; 2.0.1 the limit of LocalAuthListCtrlr.Entries."""
        entries = self.values.get(("localauthlistctrlr", "entries", ""))
        if entries is not None and entries[1] is not None:
            return int(entries[1])
        return self.number("", "LocalAuthListMaxLength")

    @property
    def local_list_items_max(self) -> int | None:
        """1.6 SendLocalListMaxLength, 2.0.1 LocalAuthListCtrlr.ItemsPerMessage."""
        return self.number("", "SendLocalListMaxLength") or self.number(
            "LocalAuthListCtrlr", "ItemsPerMessage"
        )

    def items_per_message(self, action: str) -> int | None:
        """2.0.1 DeviceDataCtrlr.ItemsPerMessage of an action (B05, B06)."""
        return self.number("DeviceDataCtrlr", "ItemsPerMessage", action) or self.number(
            "DeviceDataCtrlr", "ItemsPerMessage"
        )

    @property
    def takes_profiles(self) -> bool:
        """Whether the station told that it knows smart charging."""
        profiles = self.text("", "SupportedFeatureProfiles").lower()
        if "smartcharging" in profiles.replace(" ", ""):
            return True
        on = self.flag("SmartChargingCtrlr", "Enabled")
        there = self.flag("SmartChargingCtrlr", "Available")
        return bool(on) or (bool(there) and on is not False)

    @property
    def rate_unit(self) -> str:
        """How limits are to be written: "A", or "W" where both will do."""
        text = self.text("", "ChargingScheduleAllowedChargingRateUnit") or self.text(
            "SmartChargingCtrlr", "RateUnit"
        )
        words = {word.strip().lower() for word in text.split(",") if word.strip()}
        only_amperes = bool(words) and words <= {"current", "a"}
        return "A" if only_amperes else "W"

    @property
    def shows_cost(self) -> bool:
        """2.0.1: the station wants CostUpdated (I02)."""
        return self._displays("Cost")

    @property
    def shows_tariff(self) -> bool:
        """2.0.1: the station shows a driver's own price (I01)."""
        return self._displays("Tariff")

    def _displays(self, what: str) -> bool:
        for instance in (what, ""):
            if self.flag("TariffCostCtrlr", "Enabled", instance):
                return True
            if self.flag("TariffCostCtrlr", "Available", instance):
                return True
        return False


def of_many(charge_point_ids: Iterable[int]) -> dict[int, Capabilities]:
    """The capabilities of stations, in one statement; empty for unknown ones."""
    ids = set(charge_point_ids)
    found: dict[int, dict[tuple[str, str, str], tuple[str, Decimal | None]]] = {
        key: {} for key in ids
    }
    rows = DeviceVariable.objects.filter(
        charge_point_id__in=ids,
        variable__in=_NAMES,
        evse_number=0,
        attribute="Actual",
    ).values_list(
        "charge_point_id",
        "component",
        "variable",
        "variable_instance",
        "value",
        "max_limit",
    )
    for station, component, variable, instance, value, limit in rows:
        key = (component.lower(), variable.lower(), instance.lower())
        found[station][key] = (value, limit)
    return {key: Capabilities(values) for key, values in found.items()}


def of_station(charge_point_id: int) -> Capabilities:
    """As ``of_many`` for one."""
    return of_many([charge_point_id])[charge_point_id]
