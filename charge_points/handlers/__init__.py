"""OCPP in, domain out: handlers translate messages and call services.

``registry`` holds the types of a route, ``dispatch`` executes a group of requests,
``v16`` and ``v201`` are the tables and the handlers of each version. Handlers never
touch a socket and never decide anything that a service should decide.
"""
