import os
import stat
from pathlib import Path

import pytest

from cpms.embedded import room as rooms
from cpms.embedded.accounts import Account, server_account
from cpms.embedded.room import READY, Room, State, UnableToUseHome

OURS = Account(os.geteuid(), os.getegid())


@pytest.fixture
def room(tmp_path):
    made = Room(tmp_path / ".cpms", "postgres")
    made.create()
    return made


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_are_closed_and_older_ones_are_left_alone(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o750)
    home.chmod(0o750)
    room = Room(home, "valkey")

    room.create()
    room.create()

    assert mode(home) == 0o750
    assert mode(room.folder) == (0o711 if os.geteuid() == 0 else 0o700)


def test_a_home_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UnableToUseHome, match="cannot be made"):
        Room(tmp_path / "file" / ".cpms", "valkey").create()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give a folder away")
def test_a_home_of_somebody_else_is_refused(tmp_path):
    room = Room(tmp_path / ".cpms", "valkey")
    room.create()
    os.chown(room.folder, 65534, 65534)
    with pytest.raises(UnableToUseHome, match="belongs to user 65534, this is user 0"):
        room.create()


def test_state_is_read_as_it_was_written(room):
    assert room.read_state() is None
    state = State(READY, 1, 2, 20000, "/place", 3)
    room.write_state(state)
    assert room.read_state() == state
    assert mode(room.folder / "state.json") == 0o600
    room.clear_state()
    assert room.read_state() is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"other": 1}'])
def test_an_unreadable_state_is_none(room, text):
    (room.folder / "state.json").write_text(text)
    assert room.read_state() is None


def test_secrets_are_long_private_and_stay_the_same(room):
    first = room.secrets(("owner", "app"))
    assert room.secrets(("owner", "app")) == first
    assert len(set(first.values())) == 2
    assert min(map(len, first.values())) >= 32
    assert mode(room.folder / "secrets.json") == 0o600

    more = room.secrets(("owner", "app", "system"))
    assert {"owner": more["owner"], "app": more["app"]} == first


def test_a_port_is_remembered(room):
    assert room.remembered_port() is None
    room.remember_port(20001)
    assert room.remembered_port() == 20001
    (room.folder / "port").write_text("nonsense")
    assert room.remembered_port() is None


def test_the_place_is_inside_when_the_account_can_reach_it(room):
    assert room.known_place() is None
    place = room.place(OURS)
    assert place == room.folder / "place"
    assert mode(place) == 0o700
    assert room.place(OURS) == place


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's account differs")
def test_the_place_is_elsewhere_when_the_account_cannot_reach_it(room, monkeypatch):
    elsewhere = Path("/var/tmp")
    monkeypatch.setattr(rooms, "STATE_LIB", Path("/proc/no/such/folder"))
    account = server_account()

    place = room.place(account)
    try:
        assert place.parent == elsewhere
        assert mode(place) == 0o700
        assert place.stat().st_uid == account.uid
        assert room.known_place() == place
    finally:
        room.discard()
    assert not place.exists()
    assert not room.folder.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's account differs")
def test_no_place_at_all_is_a_clear_error(room, monkeypatch, tmp_path):
    tmp_path.chmod(0o700)
    monkeypatch.setattr(rooms, "STATE_LIB", tmp_path)
    monkeypatch.setattr(rooms, "TEMPORARY", Path("/proc/no/such/folder"))
    with pytest.raises(UnableToUseHome, match="closed to user 65534"):
        room.place(server_account())


def test_a_remembered_place_that_vanished_is_not_a_place(room, tmp_path):
    (room.folder / "place.path").write_text(f"{tmp_path}/gone\n")
    assert room.known_place() is None
