"""How values that JSON cannot say become files: arrays, tables, pickles, records."""
