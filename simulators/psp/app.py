"""The ASGI application: public interface, control, hosted pages."""

import asyncio
import contextlib
import sys
import traceback

from simulators.psp.api import Api
from simulators.psp.call import World
from simulators.psp.clock import Clock
from simulators.psp.control import Control
from simulators.psp.deadlines import Deadlines
from simulators.psp.errors import ApiError, server_error
from simulators.psp.faults import Faults
from simulators.psp.keys import Keys
from simulators.psp.limits import PLATFORM
from simulators.psp.pages import Pages
from simulators.psp.rules import Rules
from simulators.psp.store import Store
from simulators.psp.web import (
    ConnectionBroken,
    Receive,
    Request,
    Response,
    Scope,
    Send,
    break_connection,
    error_response,
    read,
    write,
)
from simulators.psp.webhooks import Dispatcher

_TICK_S = 0.25


def new_world(store: Store, rules: Rules, base_url: str) -> World:
    """Return the provider's world on this store, deadlines read back from it."""
    world = World(store, rules, Clock(), Deadlines(), base_url)
    clock = store.find(PLATFORM, "_state", "clock")
    if clock is not None:
        world.clock.offset_s = clock["offset_s"]
    _restore_deadlines(world)
    return world


def _restore_deadlines(world: World) -> None:
    for account, intent in world.store.every("payment_intent"):
        if intent["status"] == "requires_capture":
            charge = world.store.find(account, "charge", intent["latest_charge"])
            assert charge is not None, "a held intent has a charge"
            at = charge["payment_method_details"]["card"]["capture_before"]
            world.deadlines.add(at, account, "payment_intent", intent["id"])
    for account, payout in world.store.every("payout"):
        if payout["status"] == "pending":
            world.deadlines.add(payout["arrival_date"], account, "payout", payout["id"])
    for account, session in world.store.every("checkout.session"):
        if session["status"] == "open":
            world.deadlines.add(
                session["expires_at"], account, "checkout.session", session["id"]
            )


class App:
    """The simulator as an ASGI application."""

    def __init__(self, world: World, api_key: str, *, seed: int = 0) -> None:
        """Serve this world to the holder of this key."""
        self.world = world
        self.dispatcher = Dispatcher(world)
        keys = Keys(api_key, world.store)
        self.api = Api(world, keys, Faults(seed), self.dispatcher)
        self._control = Control(self.api)
        self._pages = Pages(self.api)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection scope."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            raise RuntimeError(f"Unsupported ASGI scope: {scope['type']}")

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            request = await read(scope, receive)
            response = await self._answer(request)
        except ApiError as error:
            response = error_response(error)
        except ConnectionBroken:
            await break_connection(send)
            return
        except Exception:  # noqa: BLE001 - last resort: the client must get an answer
            traceback.print_exc(file=sys.stderr)
            response = error_response(server_error(500, "The simulator failed."))
        await write(send, response)

    async def _answer(self, request: Request) -> Response:
        if request.path.startswith("/v1/"):
            return await self.api.handle(request)
        if request.path.startswith("/_sim/"):
            return self._control.handle(request)
        if request.path.startswith("/hosted/"):
            return self._pages.handle(request)
        return Response(404, b"Not found: /v1, /_sim and /hosted are served here.\n")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        ticker: asyncio.Task[None] | None = None
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.dispatcher.start()
                ticker = asyncio.create_task(self._tick())
                await send({"type": "lifespan.startup.complete"})
                continue
            if ticker is not None:
                ticker.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await ticker
            await self.dispatcher.stop()
            self.world.store.close()
            await send({"type": "lifespan.shutdown.complete"})
            return

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self.api.sweep()
