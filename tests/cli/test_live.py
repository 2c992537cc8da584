"""The live view on a terminal, and readers that go away."""

from __future__ import annotations

import io

import pytest

from tests.cli.telling import Tale, half_way
from yamlflow.cli.output.terminal import Outlet
from yamlflow.cli.screen.live import LiveScreen
from yamlflow.cli.screen.plain import JsonScreen, PlainScreen


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def test_the_live_view_draws_nothing_when_nothing_changed_and_seldom_when_much_did():
    stream = Terminal()
    screen = LiveScreen(stream, styled=False, unicode=True)
    tale = half_way()
    screen.tick(tale.view)
    first = stream.tell()
    assert "12/20 ✓11 ✗1" in stream.getvalue()
    for _ in range(1000):
        tale.view.version += 1
        screen.tick(tale.view)
    assert stream.tell() == first
    screen.close()


def test_the_live_view_shows_task_text_as_text():
    stream = Terminal()
    screen = LiveScreen(stream, styled=False, unicode=True)
    screen.say("fit | [bold]not markup[/nonsense] :smile:")
    screen.tick(half_way().view)
    screen.close()
    assert "[bold]not markup[/nonsense] :smile:" in stream.getvalue()
    assert "epoch [bold]4[/bold]/10" in stream.getvalue()
    assert "\x1b[31m" not in stream.getvalue()


class Gone(Terminal):
    def __init__(self):
        super().__init__()
        self.alive = True

    def write(self, text):
        if not self.alive:
            raise OSError(5, "Input/output error")
        return super().write(text)


def test_a_terminal_that_goes_away_ends_the_view_and_nothing_else():
    stream = Gone()
    screen = LiveScreen(stream, styled=True, unicode=True)
    stream.alive = False
    screen.tick(half_way().view)
    screen.say("nobody hears this")
    screen.close()


def test_the_cursor_is_back_after_the_live_view():
    stream = Terminal()
    screen = LiveScreen(stream, styled=True, unicode=True)
    screen.tick(half_way().view)
    screen.close()
    assert stream.getvalue().rindex("\x1b[?25h") > stream.getvalue().rindex("\x1b[?25l")


@pytest.mark.parametrize("kind", [PlainScreen, JsonScreen])
def test_lines_to_a_reader_that_has_gone_are_dropped(kind):
    stream = Gone()
    stream.alive = False
    screen = kind(Outlet(stream), unicode=True) if kind is PlainScreen else kind(Outlet(stream))
    tale = Tale(screen)
    tale.good("prep")
    screen.close()
