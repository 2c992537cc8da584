"""The tree of processes on one machine: nursery, template, task, and the frames between them and the launcher."""
