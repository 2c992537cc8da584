from pathlib import Path

import yamlflow


def numbers(n: int) -> list[int]:
    return list(range(n))


def square(x: int) -> int:
    print(f"squaring {x}")
    return x * x


def text(squares: list[int], ctx: yamlflow.Context) -> Path:
    path = Path(ctx.tmp) / "squares.txt"
    path.write_text(" ".join(map(str, squares)))
    return path


def half(x: int) -> float:
    return x / 2


def large() -> str:
    return "large " * 2000


def turn(n: int) -> int:
    return n + 1


def apply(sign: str, squares: list[int]) -> int:
    return sum(squares) * (1 if sign == "plus" else -1)


def broken() -> int:
    raise ValueError("always")


def fixed(total: list[int], file: Path) -> str:
    if not Path(__file__).with_name("mended").exists():
        raise RuntimeError("not mended yet")
    return f"{total} {file.read_text()}"


def page(error: dict) -> None:
    print(error["message"])
