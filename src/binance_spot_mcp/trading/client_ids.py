"""Names that we give to orders: never used twice, and recognisably of this installation.

They hold digits and consonants only, so that no word can appear in them by chance that a firewall takes for code.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

ALPHABET: Final = "0123456789bcdfghjklmnpqrstvwxz"
TAG_LENGTH: Final = 6
_ENTROPY_BYTES: Final = 15

RandomBytes = Callable[[int], bytes]
"""So many random bytes, such as `secrets.token_bytes` gives."""


class ClientOrderIds:
    """Makes client order ids of at most 36 characters.

    Args:
        tag: What every id begins with; it belongs to the installation.
        random: Where the rest comes from. 120 random bits are never drawn twice.
    """

    def __init__(self, tag: str, random: RandomBytes) -> None:
        self._tag = tag
        self._random = random

    def new(self) -> str:
        """An id that was never used before."""
        return f"{self._tag}-{_spelled(self._random(_ENTROPY_BYTES))}"

    def ours(self, client_order_id: str) -> bool:
        """Whether an id was made by this installation."""
        return client_order_id.startswith(f"{self._tag}-")


def installation_tag(folder: Path, random: RandomBytes) -> str:
    """The tag of this installation, kept in a file of the user's folder; drawn when there is none yet."""
    path = folder / "installation"
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        drawn = _spelled(random(_ENTROPY_BYTES))
        complete = folder / f"installation.{drawn}"
        complete.write_text(drawn[:TAG_LENGTH], "ascii")
        complete.chmod(0o600)
        try:
            path.hardlink_to(complete)  # appears whole or not at all, and never in the place of another one
        except FileExistsError:
            pass
        finally:
            complete.unlink()
    return path.read_text("ascii")


def _spelled(entropy: bytes) -> str:
    """Bytes as a number in our alphabet, always of the same length."""
    letters: list[str] = []
    number = int.from_bytes(entropy)
    while 256 ** len(entropy) > len(ALPHABET) ** len(letters):
        number, digit = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[digit])
    return "".join(letters)
