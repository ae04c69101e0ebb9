"""What a test server was told about charges, in either version."""


def starts(server):
    sixteen = server.requests("CP1", "StartTransaction")
    later = server.requests("CP1", "TransactionEvent")
    return sixteen + [each for each in later if each["event_type"] == "Started"]


def stops(server):
    sixteen = server.requests("CP1", "StopTransaction")
    later = server.requests("CP1", "TransactionEvent")
    return sixteen + [each for each in later if each["event_type"] == "Ended"]


async def whole_charge(station, energy_wh=1_000):
    await station.plug_in()
    await station.start_local_transaction("TAG")
    await station.charge(energy_wh=energy_wh)
    await station.stop_local()
    await station.unplug()
    await station.settle()
