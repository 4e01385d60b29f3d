"""Progress is shown on a terminal, and nowhere else."""

from __future__ import annotations

import io

from warmkey.plan.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_what_is_done_and_how_much_of_it() -> None:
    terminal = Terminal()
    progress = Progress(terminal, quiet=False)
    progress.begin("reading")
    progress(5000)
    progress.begin("replaying", 10_000)
    progress(1000)
    progress.end()

    shown = [line.strip() for line in terminal.getvalue().split("\r")]
    assert shown == ["", "reading", "reading: 5,000", "replaying: 0 of 10,000", "replaying: 1,000 of 10,000", "", ""]


def test_a_file_and_whoever_wants_quiet_see_nothing() -> None:
    for stream, quiet in ((io.StringIO(), False), (Terminal(), True)):
        progress = Progress(stream, quiet=quiet)
        progress.begin("reading")
        progress.end()

        assert stream.getvalue() == ""


def test_a_line_is_cut_at_sixty_characters_and_written_over_as_many() -> None:
    terminal = Terminal()
    progress = Progress(terminal, quiet=False)
    progress.begin("x" * 100)
    progress.end()

    assert terminal.getvalue() == "\r" + "x" * 60 + "\r" + " " * 60 + "\r"
