"""``python -m sbrtcheck``."""

from sbrtcheck.cli import main

if __name__ == "__main__":
    main()
