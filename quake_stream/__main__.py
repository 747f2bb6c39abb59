"""``python -m quake_stream``."""

from quake_stream.cli import main

if __name__ == "__main__":
    main()
