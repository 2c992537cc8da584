"""Requests and replies: connections, proxies, bodies, XML, and the clock that servers go by."""
