"""Where tasks run. Executors never know the graph, nor each other."""
