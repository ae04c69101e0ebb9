"""The gateway device: everything OCPP and the state of the network."""
