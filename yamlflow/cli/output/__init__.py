"""What is written for people and programs: documents, summaries, safe text."""
