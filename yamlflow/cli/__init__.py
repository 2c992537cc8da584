"""The command line: options in, lines out; one file a command, each imported when it is asked for."""
