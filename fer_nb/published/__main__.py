"""``python -m fer_nb.published [STUDY]`` keeps a finished study in git and writes the texts anew."""

import sys

from fer_nb.published.keep import keep_study, write_texts


def main(arguments: list[str]) -> None:
    if len(arguments) > 1 or any(word.startswith("-") for word in arguments):
        sys.exit("usage: python -m fer_nb.published [STUDY]")
    try:
        for study in arguments:
            print(keep_study(study))
        write_texts()
    except (OSError, ValueError) as error:
        sys.exit(f"fer_nb.published: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
