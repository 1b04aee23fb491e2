import argparse
import sys
from pathlib import Path

from demo.options import LANGUAGES, DemoOptions, preferred_language
from demo.run import run


def main(arguments: list[str]) -> int:
    """`python -m demo`: the demo without the `aljibe` command. Exit code 2 for wrong use."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=main.__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the products and baskets")
    parser.add_argument("--speed", type=float, default=0.0, help="0: as fast as it goes; else a time factor")
    parser.add_argument("--keep", action="store_true", help="keep the platform running afterwards")
    parser.add_argument("--fresh", action="store_true", help="start a platform even when one runs")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--lang", choices=LANGUAGES, default=preferred_language())
    parser.add_argument("--data", type=Path, default=Path("var"), help="folder of the platform's data")
    parser.add_argument("--url", default="", help="gateway of a platform that runs elsewhere")
    parser.add_argument("--address", action="append", default=[], metavar="SERVICE=HOST:PORT")
    parser.add_argument("--key-file", type=Path, help="private key for tokens of that platform")
    given = vars(parser.parse_args(arguments))
    given["addresses"] = tuple(given.pop("address"))
    try:
        options = DemoOptions(**given)
    except ValueError as error:
        parser.error(str(error))
    return run(options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
