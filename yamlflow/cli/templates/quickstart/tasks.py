"""The steps of pipeline.yaml: plain functions, with nothing of yamlflow in them."""


def greet(name: str) -> str:
    return f"Hello, {name}!"


def letter(greetings: list[str]) -> str:
    return " ".join(greetings)
