"""Payment providers behind one Protocol; one package per provider.

`base` holds the Protocol, its facts and its errors; `registry.get_provider`
returns the provider that the settings name. Provider calls are HTTP: never
make them inside a database transaction.
"""
