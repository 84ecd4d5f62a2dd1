"""For teachers: make the students' notebooks and grade them; ``python -m rnncourse.classroom --help``."""
