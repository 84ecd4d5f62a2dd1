"""Grade: ``python -P -m rnncourse.classroom AUTOGRADER SUBMISSIONS --out FOLDER``."""

import os
import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:  # without -P, Python would look for modules among the submissions first
        sys.path[0] = __file__.removesuffix("/rnncourse/classroom/__main__.py")
        os.environ["PYTHONSAFEPATH"] = "1"  # and for the processes that it starts
    from rnncourse.classroom.grading import main

    main()
