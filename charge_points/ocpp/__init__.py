"""The OCPP codec: pure data in, data out. No framework, no clock, no socket.

Doors for the rooms above:

* ``frames``: ``parse_frame``, ``encode_call``, ``encode_result``, ``encode_error``, the
  messages ``Call``, ``CallResult``, ``CallError``, ``FrameError`` and the size limits.
* ``rpc``: ``RpcSession``, the state machine of one connection, and events.
* ``inbound``: ``check_call`` and ``check_result``: validate, then tolerate quirks.
* ``schemas``: ``validate_call``, ``validate_result``, ``Violation``, the actions.
* ``errors``: ``Fault`` and ``code_for``: the CALLERROR codes of each version.
* ``timestamps``: ``parse_time`` (tolerant) and ``format_utc``.
* ``quirks``: ``QUIRKS`` (data) and ``tolerate`` (repair after validation failed).
* ``metering``: ``MeterSample``, the version-neutral meter reading.
* ``message_log``: ``mask``, which removes secrets from a text before it is stored.
* ``v16`` and ``v201``: ``messages`` (the message sets as data) and ``sampled_values``.
"""
