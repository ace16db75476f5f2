"""``python -m fer_nb.report STUDY`` writes the pages of a study and their index.

Where the study's parameters or one of its executed notebooks cannot be read, the index says so.
"""

import sys

from fer_nb.report.index import write_index
from fer_nb.report.refusal import write_refusal
from fer_nb.study_files import studies


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        sys.exit("usage: python -m fer_nb.report STUDY")
    try:
        print(write_index(arguments[0]))
    except (FileNotFoundError, ValueError) as error:
        if arguments[0] in studies():
            write_refusal(arguments[0], error)
        sys.exit(f"fer_nb.report: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
