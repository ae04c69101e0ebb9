"""``python -m simulators v2g``."""

import argparse
import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from simulators.console import Console, run_command
from simulators.errors import ExitCode, UnableToUnderstand
from simulators.v2g.contracts import Contract
from simulators.v2g.pki import (
    CONTRACT_LIFE,
    NAMES,
    TestPki,
    note_revoked,
    read_key,
    write_key,
)
from simulators.v2g.responder import OcspResponder

EXIT_CODES: Final = "Exit codes: 0 done, 2 wrong use."


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators v2g",
        description="A V2G test PKI: roots, sub-CAs, contract certificates, OCSP.",
        epilog=EXIT_CODES,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    new = _command(commands, "new", "make roots and sub-CAs in a folder")
    new.add_argument(
        "--responder", default="", metavar="URL", help="OCSP address in certificates"
    )
    new.set_defaults(work=_new)
    contract = _command(commands, "contract", "sign a contract certificate")
    contract.add_argument("--emaid", required=True, help="such as DE8AA1A2B3C4D59")
    contract.add_argument(
        "--days", type=int, default=CONTRACT_LIFE.days, help="negative: expired"
    )
    contract.set_defaults(work=_contract)
    show = _command(commands, "authorize", "the Authorize payload of a contract")
    show.add_argument("--emaid", required=True)
    show.add_argument(
        "--central", action="store_true", help="with the chain, for the CSMS to check"
    )
    show.set_defaults(work=_authorize)
    proof = _command(commands, "proof", "a contract key's word for a driver account")
    proof.add_argument("--emaid", required=True)
    proof.add_argument("--driver", type=int, required=True, help="the account's id")
    proof.set_defaults(work=_proof)
    revoke = _command(commands, "revoke", "revoke a contract at the responder")
    revoke.add_argument("--emaid", required=True)
    revoke.set_defaults(work=_revoke)
    responder = _command(commands, "ocsp", "answer OCSP questions until interrupted")
    responder.add_argument("--host", default="127.0.0.1")
    responder.add_argument("--port", type=int, default=9800)
    responder.set_defaults(work=_ocsp)
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    text: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text, description=text, epilog=EXIT_CODES)
    parser.add_argument("--pki", required=True, type=Path, metavar="FOLDER")
    parser.add_argument("--json", action="store_true", help="JSON lines")
    return parser


async def _new(options: argparse.Namespace, console: Console) -> int:
    pki = TestPki.new(responder_url=options.responder)
    pki.write(options.pki)
    files = {name: str(options.pki / f"{name}.pem") for name in NAMES}
    console.result({"certificates": files, "responder": options.responder})
    return ExitCode.OK


def _file_of(folder: Path, emaid: str) -> Path:
    if not emaid.isascii() or not emaid.replace("-", "").isalnum():
        msg = f"{emaid!r} is no eMAID: letters, digits and hyphens only."
        raise UnableToUnderstand(msg)
    return folder / f"contract-{emaid}.pem"


async def _contract(options: argparse.Namespace, console: Console) -> int:
    path = _file_of(options.pki, options.emaid)
    pki = TestPki.read(options.pki)
    made = pki.contract(options.emaid, life=timedelta(days=options.days))
    try:
        write_key(path.with_suffix(".key"), made.key)
        path.write_text(made.chain_pem)
    except OSError as error:
        msg = f"The contract cannot be written: {error}."
        raise UnableToUnderstand(msg) from error
    console.result(
        {
            "emaid": made.emaid,
            "certificate": str(path),
            "key": str(path.with_suffix(".key")),
            "not_after": made.leaf.not_valid_after_utc.isoformat(),
        }
    )
    return ExitCode.OK


def read_contract(folder: Path, emaid: str) -> Contract:
    """A contract that ``v2g contract`` wrote.

    Raises:
        UnableToUnderstand: there is none.
    """
    pki, path = TestPki.read(folder), _file_of(folder, emaid)
    try:
        leaf, *chain = x509.load_pem_x509_certificates(path.read_bytes())
        key = read_key(path.with_suffix(".key"))
    except (OSError, ValueError) as error:
        msg = f"{path} holds no contract: {error}. Make one with v2g contract."
        raise UnableToUnderstand(msg) from error
    root = pki.authorities["mo-root"].certificate
    return Contract(emaid, leaf, key, tuple(chain), root, pki.responder_url)


async def _authorize(options: argparse.Namespace, console: Console) -> int:
    contract = read_contract(options.pki, options.emaid)
    console.result(contract.authorize(central=options.central))
    return ExitCode.OK


async def _proof(options: argparse.Namespace, console: Console) -> int:
    contract = read_contract(options.pki, options.emaid)
    console.result(
        {
            "proof": contract.proof(driver_id=options.driver),
            "certificate_chain_pem": contract.chain_pem,
        }
    )
    return ExitCode.OK


async def _revoke(options: argparse.Namespace, console: Console) -> int:
    leaf = read_contract(options.pki, options.emaid).leaf
    note_revoked(options.pki, leaf)
    console.result({"revoked": f"{leaf.serial_number:x}"})
    return ExitCode.OK


async def _ocsp(options: argparse.Namespace, console: Console) -> int:
    folder = options.pki
    TestPki.read(folder)
    responder = OcspResponder(
        lambda: TestPki.read(folder), host=options.host, port=options.port
    )
    with responder:
        console.result({"responder": responder.url})
        await asyncio.Event().wait()
    return ExitCode.OK


def run(argv: Sequence[str]) -> int:
    """Run the command line and return its exit code."""

    async def work(options: argparse.Namespace, console: Console) -> int:
        return int(await options.work(options, console))

    return run_command(build_parser(), argv, work)
