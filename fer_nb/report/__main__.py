"""``python -m fer_nb.report STUDY`` writes the pages of a study and their index."""

import sys

from fer_nb.report.index import write_index


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        sys.exit("usage: python -m fer_nb.report STUDY")
    try:
        print(write_index(arguments[0]))
    except (FileNotFoundError, ValueError) as error:
        sys.exit(f"fer_nb.report: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
