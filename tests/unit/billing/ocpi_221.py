"""A CDR of OCPI 2.2.1 (mod_cdrs, 10.3.1) as a JSON schema: fields and cardinalities."""

import jsonschema_rs

NUMBER = {"type": "number"}
INSTANT = {
    "type": "string",
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?$",
}
PRICE = {
    "type": "object",
    "required": ["excl_vat"],
    "properties": {"excl_vat": NUMBER, "incl_vat": NUMBER},
    "additionalProperties": False,
}


def text(most, **more):
    return {"type": "string", "minLength": 1, "maxLength": most, **more}


def record(required, **optional):
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **optional},
        "additionalProperties": False,
    }


def listed(item):
    return {"type": "array", "minItems": 1, "items": item}


COMPONENT = record(
    {
        "type": {"enum": ["ENERGY", "FLAT", "PARKING_TIME", "TIME"]},
        "price": NUMBER,
        "step_size": {"type": "integer", "minimum": 0},
    },
    vat=NUMBER,
)
TARIFF = {
    **record(
        {
            "country_code": text(2),
            "party_id": text(3),
            "id": text(36),
            "currency": text(3),
            "elements": listed(
                record({"price_components": listed(COMPONENT)}, restrictions={})
            ),
            "last_updated": INSTANT,
        },
        type={},
        tariff_alt_text={},
        tariff_alt_url=text(255),
        min_price=PRICE,
        max_price=PRICE,
        start_date_time=INSTANT,
        end_date_time=INSTANT,
        energy_mix={},
    )
}
TOKEN = record(
    {
        "country_code": text(2),
        "party_id": text(3),
        "uid": text(36),
        "type": {"enum": ["AD_HOC_USER", "APP_USER", "OTHER", "RFID"]},
        "contract_id": text(36),
    }
)
LOCATION = record(
    {
        "id": text(36),
        "address": text(45),
        "city": text(45),
        "country": text(3),
        "coordinates": record({"latitude": text(10), "longitude": text(11)}),
        "evse_uid": text(36),
        "evse_id": text(48),
        "connector_id": text(36),
        "connector_standard": text(40),
        "connector_format": {"enum": ["SOCKET", "CABLE"]},
        "connector_power_type": text(20),
    },
    name=text(255),
    postal_code=text(10),
    state=text(20),
)
PERIOD = record(
    {
        "start_date_time": INSTANT,
        "dimensions": listed(record({"type": text(36), "volume": NUMBER})),
    },
    tariff_id=text(36),
)
CDR = record(
    {
        "country_code": text(2),
        "party_id": text(3),
        "id": text(39),
        "start_date_time": INSTANT,
        "end_date_time": INSTANT,
        "cdr_token": TOKEN,
        "auth_method": {"enum": ["AUTH_REQUEST", "COMMAND", "WHITELIST"]},
        "cdr_location": LOCATION,
        "currency": text(3),
        "charging_periods": listed(PERIOD),
        "total_cost": PRICE,
        "total_energy": NUMBER,
        "total_time": NUMBER,
        "last_updated": INSTANT,
    },
    session_id=text(36),
    authorization_reference=text(36),
    meter_id=text(255),
    tariffs=listed(TARIFF),
    signed_data={},
    total_fixed_cost=PRICE,
    total_energy_cost=PRICE,
    total_time_cost=PRICE,
    total_parking_time=NUMBER,
    total_parking_cost=PRICE,
    total_reservation_cost=PRICE,
    remark=text(255),
    invoice_reference_id=text(39),
    credit={"type": "boolean"},
    credit_reference_id=text(39),
    home_charging_compensation={"type": "boolean"},
)

_VALIDATOR = jsonschema_rs.validator_for(CDR)


def mistakes(cdr):
    """Where a CDR is none of 2.2.1; nothing for a right one."""
    return [
        f"{'/'.join(map(str, error.instance_path))}: {error.message}"
        for error in _VALIDATOR.iter_errors(cdr)
    ]
