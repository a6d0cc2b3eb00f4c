#!/usr/bin/env python
"""Every command of the project: `python manage.py help`."""

import errno
import os
import sys


def main() -> None:
    """Hand the command line to Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shopsite.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("Django is not installed here. Run `make setup`, then use .venv/bin/python.")
    from django.db import DatabaseError
    from redis.exceptions import RedisError

    from shopsite.config import ConfigError

    try:
        execute_from_command_line(sys.argv)
    except ConfigError as error:
        sys.exit(f"ConfigError: {error}")
    except (DatabaseError, RedisError) as error:
        if "--traceback" in sys.argv:
            raise
        server = "database" if isinstance(error, DatabaseError) else "Redis server"
        why = str(error).strip().partition("\n")[0]
        sys.exit(
            f"The {server} cannot be used: {why}. `manage.py doctor` looks why; a new database needs "
            "`manage.py migrate`, and `make demo` starts everything."
        )
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        sys.exit(
            f"The disk is full ({error}): free some room, or use a folder on another disk with "
            "SHOP_LOCAL_DIR=/another/folder."
        )


if __name__ == "__main__":
    main()
