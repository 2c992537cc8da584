"""Tasks in a container: what runs there, and the folder through which it and the launcher talk."""
