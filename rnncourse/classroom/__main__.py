"""Grade: ``python -m rnncourse.classroom AUTOGRADER SUBMISSIONS --out FOLDER``."""

from rnncourse.classroom.grading import main

if __name__ == "__main__":
    main()
