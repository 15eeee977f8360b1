"""Whoever can put a question to a person. Which hosts can, and how, is not known here.

It is a module of its own because a server knows it before it has opened anything.
"""

from dataclasses import dataclass
from typing import Final, Literal, Protocol

Verdict = Literal["yes", "no", "open", "unable"]
"""What became of a question: a yes, anything that is none, no answer yet, or nobody could be asked."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Names one draft, with its seal, so that an answer is to this question and to no other."""

    draft: str
    seal: str


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked."""

    about: Reference
    text: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a question, and in which words."""

    verdict: Verdict
    said: str = ""


class Approver(Protocol):
    """Whoever can put a question to a person; one for each call."""

    @property
    def session(self) -> str:
        """The session of the call."""
        ...

    @property
    def answered(self) -> Reference | None:
        """The question to which the call itself brings the answer, if it does."""
        ...

    async def ask(self, asked: Question) -> Answer:
        """Put a question, or give the answer that the call has brought; a yes is an explicit one."""
        ...


class Nobody:
    """The approver of a call behind which nobody can be asked."""

    session = ""
    answered = None

    async def ask(self, asked: Question) -> Answer:
        """Ask nobody."""
        del asked
        return Answer("unable")


NOBODY: Final = Nobody()
