"""The only writers of this room: version-neutral, atomic, keyword-only.

Public for others: ``certificates``, ``starting``, ``transactions`` (``attach_order``,
``set_limits``), ``id_tokens``, ``provisioning``, ``commands``. The rest serves the
handlers and the gateway. Functions that write open a database transaction (or join
the caller's); instants are passed in, nothing here reads a clock.
"""
