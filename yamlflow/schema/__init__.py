"""Text in, Graph or diagnostics out."""
