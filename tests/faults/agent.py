"""An agent at the other end of a server process: a real MCP session over stdin and stdout, and the process to kill."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

Answer = dict[str, Any]
Person = Callable[[str], Mapping[str, Any] | None]
"""What somebody answers to a question; None for silence."""

SOURCE = Path(__file__).parents[2]
LINE_BYTES = 4 * 1024 * 1024
PATIENCE_S = 120.0
"""No call lasts longer than 45 s; on a machine that is busy it may have to wait for its turn."""
PROTOCOL = "2025-06-18"


class Agent:
    """One server process and its session.

    Args:
        process: The server.
        person: Answers what the server asks.

    Attributes:
        process: The server.
    """

    def __init__(self, process: Process, person: Person | None = None) -> None:
        self.process = process
        self._person = person
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(
        cls,
        settings: Mapping[str, str],
        command: Sequence[str] = ("-m", "binance_spot_mcp"),
        person: Person | None = None,
    ) -> "Agent":
        """Start a server with these settings alone, and shake hands.

        Args:
            settings: Its environment variables.
            command: What to run in Python; a script of ours may die where it is told to.
            person: Answers what the server asks; without one, the host cannot ask.
        """
        around = {name: value for name, value in os.environ.items() if not name.startswith("BINANCE_")}
        environment = around | {"PYTHONPATH": f"{SOURCE / 'src'}{os.pathsep}{SOURCE}"} | dict(settings)
        words = [*command, "serve"] if command[0] == "-m" else [*command]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *words, stdin=PIPE, stdout=PIPE, env=environment, limit=LINE_BYTES
        )
        agent = cls(process, person)
        await agent.request(
            "initialize",
            protocolVersion=PROTOCOL,
            capabilities={"elicitation": {}} if person else {},
            clientInfo={"name": "faults", "version": "1"},
        )
        agent._write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return agent

    async def ask(self, tool: str, **arguments: Any) -> Answer:
        """Call a tool and read its answer."""
        result = await self.request("tools/call", name=tool, arguments=arguments)
        (block,) = result["content"]
        answer: Answer = json.loads(block["text"])
        return answer

    async def dies_of(self, tool: str, **arguments: Any) -> None:
        """Call a tool that the server does not survive, if only just; again while it is not ready yet."""
        try:
            while (await self.ask(tool, **arguments)).get("code") == "NOT_READY":  # noqa: ASYNC110  (another process)
                await asyncio.sleep(0.5)
        except ConnectionError:
            pass
        assert await asyncio.wait_for(self.process.wait(), PATIENCE_S) != 0

    async def request(self, method: str, **params: Any) -> Any:
        """Ask for something, and wait for the result.

        Raises:
            ConnectionError: The server ended before it answered.
        """
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._write({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
            return await asyncio.wait_for(answer, PATIENCE_S)
        finally:
            del self._waiting[number]

    def give_up(self) -> None:
        """Tell the server that nobody waits for the latest call any more."""
        number = max(self._waiting)
        self._write({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": number}})

    async def leave(self) -> int:
        """Close the session; the server ends by itself. Its exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return await asyncio.wait_for(self.process.wait(), PATIENCE_S)

    async def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._reading

    def _write(self, message: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            message = json.loads(line)
            if message.get("method") == "elicitation/create" and self._person is not None:
                if (said := self._person(message["params"]["message"])) is not None:
                    self._write({"jsonrpc": "2.0", "id": message["id"], "result": said})
                continue
            answer = self._waiting.get(message.get("id"))
            if answer is None or answer.done() or "method" in message:
                continue
            if "error" in message:
                answer.set_exception(AssertionError(f"the session failed: {message['error']}"))
            else:
                answer.set_result(message["result"])
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionResetError("the server ended"))
