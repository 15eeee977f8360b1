"""Randomness that depends on what it is for, never on when it is drawn."""

from random import Random

_MASK = (1 << 64) - 1


def stream(seed: int, *purpose: str | int) -> Random:
    """A generator of its own for one purpose."""
    return Random("/".join(map(str, (seed, *purpose))))  # noqa: S311 - a market, not a secret


def mixed(number: int) -> int:
    """A number of 64 bits that looks random but is the same for the same input: the finaliser of splitmix64.

    Source: Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators (2014), figure 16
    """
    number = (number + 0x9E3779B97F4A7C15) & _MASK
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    number = ((number ^ (number >> 27)) * 0x94D049BB133111EB) & _MASK
    return number ^ (number >> 31)
