"""The tests of yamlflow; a package so that `tests.parts` can mean no other."""
