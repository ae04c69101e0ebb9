"""Every limit of the gateway by name, with what happens at the limit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one gateway process; ``_s`` are seconds.

    Tests shorten the times; production uses the defaults.
    """

    # Handshakes that have not finished in this time are dropped.
    open_timeout_s: float = 20.0
    # PROXY header and TLS of a connection, each.
    tls_handshake_s: float = 10.0
    # Connections between accept and websocket; more wait in the kernel's queue.
    entering_max: int = 1_000
    # Of them, from one address; more are closed.
    entering_per_address_max: int = 200
    # A lost wake-up of a revocation costs at most this; TLS files are looked at.
    trust_poll_s: float = 30.0
    tls_files_poll_s: float = 5.0
    # A connection without a pong (or any frame) for interval + timeout is closed.
    ping_interval_s: float = 60.0
    ping_timeout_s: float = 30.0
    close_timeout_s: float = 5.0
    # How often pings and open CALLs are looked at.
    tick_s: float = 1.0
    # Connections of a process; above it new ones get HTTP 503.
    connections_max: int = 20_000
    # CALLs of one connection that wait; at the high mark the socket is not read.
    inbound_high: int = 16
    inbound_low: int = 4
    # Frames of one fragmented message; more closes the connection with 1008.
    fragments_max: int = 256
    # Unsent bytes of one connection; a reader that lets more pile up is dropped.
    unsent_bytes_max: int = 256 * 1024
    # Unreadable or refused frames in a row before the connection is closed (1008).
    bad_frames_max: int = 100
    # Requests and tasks that wait for the writer; above it: InternalError, at once.
    writer_queue_max: int = 20_000
    # Jobs of one database transaction.
    batch_max: int = 512
    # How long a request may wait for a database that is away before InternalError.
    answer_within_s: float = 25.0
    # Pause between two attempts to reach the database, doubled up to the maximum.
    reconnect_min_s: float = 0.05
    reconnect_max_s: float = 1.0
    # Deadlocks and serialisation failures of one batch before it is taken apart.
    conflict_retries_max: int = 5
    # Refused handshakes of one address within the window before HTTP 429.
    failures_per_address_max: int = 20
    failures_window_s: float = 60.0
    # Addresses remembered; the oldest is forgotten.
    failure_addresses_max: int = 10_000
    # Leases in Redis: a killed node's charge points are offline after this.
    lease_life_s: float = 90.0
    lease_refresh_s: float = 30.0
    lease_chunk: int = 500
    # Longest time that presence changes wait for company before they are written.
    lease_flush_s: float = 0.05
    # A lost wake-up of a command costs at most this.
    command_poll_s: float = 5.0
    # The charger's answer to a CALL of ours.
    command_timeout_s: float = 60.0
    # Waiting for a Redis that is away.
    redis_timeout_s: float = 2.0
    redis_retry_min_s: float = 0.2
    redis_retry_max_s: float = 5.0
    # Answers that are fetched over the network (OCSP): how many wait, how long.
    deferred_max: int = 200
    deferred_within_s: float = 20.0
    # Drain: how long calls in progress may take before connections are closed.
    drain_s: float = 10.0


DEFAULT_LIMITS = Limits()
