"""What a person sees of a run while it goes on and when it has ended.

`rows`, `lines` and `ending` are pure: a RunView or an event in, text out.
`live`, `plain` and `records` are the three ways to show them; all take events
through the same two calls, `see` and `tick`, and none of them can end a run.
"""
