"""The imperative shell: it runs a Graph, remembers what happened, and answers questions about it later."""
