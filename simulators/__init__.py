"""Outside clients of the system: stations, vehicles, drivers, a provider, load.

They use public interfaces only (OCPP over WebSocket, the REST API, the payment
provider's HTTP interface, the command line) and import nothing from inside, so
that what they see is what a real peer would see.
"""
