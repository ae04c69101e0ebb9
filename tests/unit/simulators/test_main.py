import pytest

from simulators.__main__ import COMMANDS, main
from simulators.errors import ExitCode

OURS = [name for name in COMMANDS if name != "psp"]


def test_the_overview_names_every_command(capsys):
    assert main(["--help"]) == ExitCode.OK
    text = capsys.readouterr().out
    assert all(name in text for name in COMMANDS)
    assert "3 unreachable" in text


def test_no_command_is_wrong_use(capsys):
    assert main([]) == ExitCode.USAGE
    assert "usage" in capsys.readouterr().out


def test_an_unknown_command_is_wrong_use(capsys):
    assert main(["nonsense"]) == ExitCode.USAGE
    assert "nonsense" in capsys.readouterr().err


@pytest.mark.parametrize("name", OURS)
def test_every_command_has_help(name, capsys):
    assert main([name, "--help"]) == ExitCode.OK
    assert f"python -m simulators {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", OURS)
def test_every_command_refuses_missing_options(name, capsys):
    assert main([name, "--nonsense"]) == ExitCode.USAGE
    assert "usage" in capsys.readouterr().err
