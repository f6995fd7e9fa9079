"""What a release's tree loses before it is packed, and what must never be in an artifact.

Used in the builder and on the controller, by the standard library alone.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

# Made by an installation, or its secrets: a host writes its own.
SECRETS = (
    "config/database.yml",
    "config/diaspora.toml",
    "config/diaspora.yml",
    "config/oidc_key.pem",
    "config/schedule.yml",
    "config/initializers/secret_token.rb",
    "config/initializers/twofa_encryption_key.rb",
    "config/master.key",
    "config/credentials/*.key",
    ".env",
    ".env.*",
)

# Not needed to run. Directories go with all that is in them.
UNUSED = (
    ".git",
    ".github",
    ".sass-cache",
    "coverage",
    "features",
    "log",
    "node_modules",
    "public/uploads",
    "spec",
    "test",
    "tmp",
    "vendor/bundle/ruby/*/cache",
    "vendor/bundle/ruby/*/doc",
    "vendor/bundle/ruby/*/gems/*/features",
    "vendor/bundle/ruby/*/gems/*/spec",
    "vendor/bundle/ruby/*/gems/*/test",
    "vendor/bundle/**/*.o",
    "vendor/bundle/**/gem_make.out",
    "vendor/bundle/**/mkmf.log",
)

# A key or a session secret in a file of any name. Gems are left out: they carry examples.
_GEMS = "vendor/bundle/"
_SECRET_TEXT = re.compile(
    rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{40}"
    rb"|secret_(?:key_base|token)[\"']?\s*[=:]\s*[\"']?[0-9a-f]{40}"
)


def drop_unneeded(root: Path) -> None:
    """Removes what is not needed to run, and what the build itself made that is secret."""
    for pattern in (*SECRETS, *UNUSED):
        for path in list(root.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)


def forbidden(files: Iterator[tuple[str, bytes]]) -> Iterator[str]:
    """Of these files (path, content), the ones that no artifact may hold, and why."""
    for name, content in files:
        if is_secret_name(name):
            yield f"{name} is a file that each host has of its own"
        elif not name.startswith(_GEMS) and _SECRET_TEXT.search(content):
            yield f"{name} contains a private key or a session secret"


def is_secret_name(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in SECRETS)


def leads_out(name: str, target: str) -> bool:
    """Whether a symlink in a release points to what will not be there on a host."""
    if target.startswith("/"):
        return True
    depth = len(PurePosixPath(name).parent.parts)
    for part in PurePosixPath(target).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False
