"""Second factors that an old pod's code encrypted: without its key they cannot be taken in.

Of upstream's code only that between the merge of two-factor authentication and 11 May 2019, which
no release has, encrypts them with config/initializers/twofa_encryption_key.rb. The migration
20190511150503 of 0.7.11.0 decrypts them and deletes the key; where the key is missing, it deletes
what is encrypted, and whoever has a second factor is locked out for ever. So it is no key to keep
but one that the old pod must have used up.
"""

from __future__ import annotations

from provision.errors import Refusal
from provision.operations.commands import psql

_ENCRYPTED = """
SELECT 'SELECT count(*) FROM public.users WHERE encrypted_otp_secret IS NOT NULL'
WHERE EXISTS (
  SELECT FROM information_schema.columns WHERE table_schema = 'public'
  AND table_name = 'users' AND column_name = 'encrypted_otp_secret'
) \\gexec
"""


def refuse_encrypted(pod: str, database: str) -> None:
    """Refuses a database whose users would lose their second factor, and so their accounts."""
    if users := int(psql(_ENCRYPTED, database=database) or 0):
        raise Refusal(
            f"pod {pod}",
            f"{users} of its users have a second factor that is encrypted with the old pod's "
            "twofa_encryption_key.rb: migrated without it, they could never sign in again",
            "Upgrade the old pod to 0.7.18.2 where it is, with that file in config/initializers, "
            "and take its database from there.",
        )
