"""`python -m anyfast_doctor` is `anyfast-doctor`."""

import sys

from anyfast_doctor.cli import main

if __name__ == "__main__":
    sys.exit(main())
