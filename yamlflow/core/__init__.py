"""Pure thought: values, expressions, the graph, the scheduler.

No I/O, no clock, no randomness; standard library only, Python 3.10 or newer,
because this package travels to the machine a task runs on.
"""
