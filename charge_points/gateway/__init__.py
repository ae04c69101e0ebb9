"""The only async room: connections of charge points, answered after the commit.

One process is one event loop and one writer thread. The loop reads frames, keeps the
order of every connection and sends; the writer executes all that waits at the same
moment in one database transaction and commits before any answer leaves.

``server`` assembles a process, ``supervisor`` runs several, ``connection`` is one
charge point, ``writer`` the group commit, ``admission`` the handshake, ``presence``
and ``bus`` the Redis side, ``commands`` what goes out, ``doors`` what the room asks
of the services.
"""
