"""Small projects: a fine one, one that fails, one that holds; and their code."""

from __future__ import annotations

FINE = """yamlflow: 1
steps:
  a: {run: "tasks:a"}
  b: {foreach: {x: [1, 2, 3]}, run: "tasks:b", inputs: {x: each.x, a: steps.a}}
"""
BROKEN = FINE + '  bad: {run: "tasks:bad", inputs: {x: steps.b}}\n'
HOLDS = 'yamlflow: 1\nsteps:\n  hold: {run: "tasks:hold"}\n'
TASKS = """
import time
from pathlib import Path

def a():
    print("from \\x1b[31ma\\x1b[0m [bold]here[/bold]")
    return 1
def b(x, a):
    return x + a
def bad(x):
    raise ValueError("bad [red]input[/red] \\x1b[2J")
def hold():
    Path(__file__).with_name("holding").touch()
    try:
        time.sleep(60)
    finally:
        Path(__file__).with_name("cleaned").touch()
"""
