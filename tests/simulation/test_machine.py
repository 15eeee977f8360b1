"""The simulated machine: time without waiting, connections in memory, processes that die."""

import asyncio
import time
from collections.abc import Callable
from contextvars import Context

import pytest
from tests.simulation.machine import PROCESS, Machine, Process, Stuck

HOST, PORT = "127.0.0.1", 8_000
AN_HOUR_S = 3_600


async def serve(answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]) -> asyncio.Server:
    return await asyncio.start_server(answer, HOST, PORT)  # type: ignore[arg-type]  # what it returns does not matter


def test_an_hour_passes_at_once() -> None:
    began_s, machine = time.monotonic(), Machine(1)
    machine.run(asyncio.sleep(AN_HOUR_S))
    assert machine.time() >= AN_HOUR_S
    assert time.monotonic() - began_s < 10


def test_who_waits_for_nothing_is_told() -> None:
    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stuck):
        Machine(1).run(wait())


def test_who_never_lets_time_pass_is_told() -> None:
    async def spin() -> None:
        while True:  # noqa: ASYNC110  # this is what is to be found out
            await asyncio.sleep(0)

    with pytest.raises(Stuck):
        Machine(1).run(spin())


def test_what_is_sent_arrives_in_order_and_takes_time() -> None:
    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    async def talk() -> tuple[bytes, float]:
        await serve(count)
        reader, writer = await asyncio.open_connection(HOST, PORT)
        for number in range(100):
            writer.write(b"%d\n" % number)
        writer.write_eof()
        said = await reader.read()
        writer.close()
        return said, asyncio.get_running_loop().time()

    said, took_s = Machine(1).run(talk())
    assert said == b"".join(b"%d\n" % number for number in range(100))
    assert 0 < took_s < 10


def test_nobody_is_reached_where_nobody_listens() -> None:
    async def knock() -> None:
        await asyncio.open_connection(HOST, PORT)

    with pytest.raises(ConnectionRefusedError):
        Machine(1).run(knock())


def test_a_reset_is_told_from_an_end() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.get_extra_info("socket").resets = True
        writer.transport.abort()

    async def talk() -> bytes:
        await serve(hang_up)
        reader, writer = await asyncio.open_connection(HOST, PORT)
        writer.write(b"hello\n")
        return await reader.read()

    with pytest.raises(ConnectionResetError):
        Machine(1).run(talk())


def test_a_process_that_is_killed_takes_no_further_step_and_its_connections_end() -> None:
    process, steps = Process(), list[str]()

    async def live() -> None:
        _, writer = await asyncio.open_connection(HOST, PORT)
        try:
            steps.append("begun")
            writer.write(b"begun\n")
            await asyncio.to_thread(steps.append, "in a thread")
            await asyncio.sleep(10)
            steps.append("gone on")
        finally:
            steps.append("tidied up")

    async def watch() -> None:
        heard = asyncio.Queue[bytes]()

        async def hear(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            await heard.put(await reader.readline())
            await heard.put(await reader.readline())

        await serve(hear)
        context = Context()
        context.run(PROCESS.set, process)
        living = machine.create_task(live(), context=context)
        assert await heard.get() == b"begun\n"
        await asyncio.sleep(1)
        machine.kill(process)
        assert await heard.get() == b""
        await asyncio.sleep(60)
        assert steps == ["begun", "in a thread"]
        assert not living.done()

    machine = Machine(1)
    machine.run(watch())


def test_the_same_seed_takes_the_same_time() -> None:
    async def knock_about() -> float:
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        await serve(answer)
        for _ in range(20):
            reader, writer = await asyncio.open_connection(HOST, PORT)
            await reader.read()
            writer.close()
        return asyncio.get_running_loop().time()

    assert Machine(7).run(knock_about()) == Machine(7).run(knock_about())
    assert Machine(7).run(knock_about()) != Machine(8).run(knock_about())
