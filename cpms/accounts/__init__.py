"""Who there is: users, operators, drivers, vehicles, keys; and what each may see.

Doors: ``tenancy`` (row level security), ``rls`` (migration operations),
``api`` (authentication, problems, idempotency), ``services``, ``admin``.
"""
