"""The group commit by itself: gathering, outages, poison, overload. No database: commit functions are played."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from parcours.public.hot.writer import Lane, Poisoned, Unavailable


@dataclass(frozen=True)
class Letter:
    text: str
    weight: int = 1


Commit = Callable[[int, Sequence[Letter]], Awaitable[Sequence[str]]]


def played(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 10))


def lane(commit: Commit, **options: Any) -> Lane[Letter, str]:
    made: Lane[Letter, str] = Lane("test", commit, **options)
    made.start(asyncio.get_running_loop())
    return made


async def echo(number: int, letters: Sequence[Letter]) -> list[str]:
    return [letter.text.upper() for letter in letters]


def test_everybody_who_waits_is_committed_together_and_answered() -> None:
    batches: list[int] = []

    async def commit(number: int, letters: Sequence[Letter]) -> list[str]:
        batches.append(len(letters))
        await asyncio.sleep(0.01)
        return await echo(number, letters)

    async def story() -> None:
        writer = lane(commit)
        answers = await asyncio.gather(*[writer.stored(Letter(f"a{n}")) for n in range(50)])
        assert answers == [f"A{n}" for n in range(50)]
        assert batches == [50]
        await writer.stop()

    played(story)


def test_batches_are_bounded_by_weight() -> None:
    weights: list[int] = []

    async def commit(number: int, letters: Sequence[Letter]) -> list[str]:
        weights.append(sum(letter.weight for letter in letters))
        return await echo(number, letters)

    async def story() -> None:
        writer = lane(commit, most=10)
        await asyncio.gather(*[writer.stored(Letter("x", weight)) for weight in (4, 4, 4, 25, 1)])
        assert weights == [8, 4, 25, 1]
        await writer.stop()

    played(story)


def test_group_behind_another_leaves_when_it_is_full() -> None:
    """Else each would be as small as what came while nobody was looking, and a commit costs the same for one and for many."""
    groups: list[str] = []
    ends = [asyncio.Event() for _ in range(3)]

    async def commit(number: int, letters: Sequence[Letter]) -> list[str]:
        groups.append("".join(letter.text for letter in letters))
        await ends[len(groups) - 1].wait()
        return await echo(number, letters)

    async def story() -> None:
        writer = lane(commit, width=2, together=3)
        waiting = []
        for text, expected in (
            ("a", ["a"]),
            ("b", ["a"]),
            ("c", ["a"]),
            ("d", ["a", "bcd"]),
            ("e", ["a", "bcd"]),
        ):
            waiting.append(writer.stored(Letter(text)))
            for _ in range(5):
                await asyncio.sleep(0)
            assert groups == expected
        ends[0].set()
        assert await waiting[0] == "A"
        assert groups == ["a", "bcd"], "one is under way, and another is not full"
        ends[1].set()
        await waiting[3]
        for _ in range(5):
            await asyncio.sleep(0)
        assert groups == ["a", "bcd", "e"]
        stopping = asyncio.create_task(writer.stop())
        await asyncio.sleep(0)
        ends[2].set()
        await stopping
        assert waiting[4].result() == "E", "what is under way is finished"

    played(story)


def test_group_is_full_by_weight_too() -> None:
    groups: list[str] = []
    end = asyncio.Event()

    async def commit(number: int, letters: Sequence[Letter]) -> list[str]:
        groups.append("".join(letter.text for letter in letters))
        await end.wait()
        return await echo(number, letters)

    async def story() -> None:
        writer = lane(commit, width=2, most=10)
        for letter in (Letter("a"), Letter("b", 4), Letter("c", 6)):
            writer.stored(letter)
            for _ in range(5):
                await asyncio.sleep(0)
        assert groups == ["a", "bc"]
        end.set()
        await writer.stop()

    played(story)


def test_what_was_put_before_the_stop_is_finished() -> None:
    async def story() -> None:
        writer = lane(echo)
        await asyncio.sleep(0)
        last = writer.stored(Letter("a"))
        await writer.stop()
        assert last.result() == "A"

    played(story)


def test_stop_ends_while_the_database_is_away() -> None:
    async def commit(number: int, letters: Sequence[Letter]) -> list[str]:
        raise psycopg.OperationalError("away")

    async def story() -> None:
        writer = lane(commit, width=2, together=2, patience=0.3)
        waiting = [writer.stored(Letter(each)) for each in "abcdefg"]
        await writer.stop()
        for each in waiting:
            assert isinstance(each.exception(), Unavailable)

    played(story)


def test_work_waits_for_a_database_that_comes_back() -> None:
    failures = iter([psycopg.OperationalError("away"), psycopg.InterfaceError("closed"), OSError("refused")])

    async def commit(number: int, letters: Sequence[Letter]) -> list[str]:
        if error := next(failures, None):
            raise error
        return await echo(number, letters)

    async def story() -> None:
        writer = lane(commit)
        assert await asyncio.gather(writer.stored(Letter("a")), writer.stored(Letter("b"))) == ["A", "B"]
        await writer.stop()

    played(story)


def test_database_that_stays_away_is_told_after_the_deadline() -> None:
    async def commit(number: int, letters: Sequence[Letter]) -> list[str]:
        raise psycopg.OperationalError("away")

    async def story() -> None:
        writer = lane(commit, patience=0.2)
        with pytest.raises(Unavailable):
            await writer.stored(Letter("a"))
        await writer.stop()

    played(story)


def test_poison_does_not_hurt_its_neighbours() -> None:
    async def commit(number: int, letters: Sequence[Letter]) -> list[str]:
        if any(letter.text == "poison" for letter in letters):
            raise psycopg.DataError("no")
        return await echo(number, letters)

    async def story() -> None:
        writer = lane(commit)
        letters = [Letter(f"a{n}") for n in range(20)]
        letters[13] = Letter("poison")
        answers = await asyncio.gather(*[writer.stored(each) for each in letters], return_exceptions=True)
        assert isinstance(answers.pop(13), Poisoned)
        assert answers == [f"A{n}" for n in range(20) if n != 13]
        await writer.stop()

    played(story)


def test_fault_of_ours_is_no_refusal() -> None:
    async def commit(number: int, letters: Sequence[Letter]) -> list[str]:
        raise psycopg.ProgrammingError("no such table")

    async def story() -> None:
        writer = lane(commit)
        with pytest.raises(Unavailable):
            await writer.stored(Letter("a"))
        await writer.stop()

    played(story)


def test_too_much_waiting_is_refused_at_once() -> None:
    free = asyncio.Event()

    async def commit(number: int, letters: Sequence[Letter]) -> list[str]:
        await free.wait()
        return await echo(number, letters)

    async def story() -> None:
        writer = lane(commit, bound=3, most=1)
        waiting = [writer.stored(Letter(each)) for each in "abc"]
        with pytest.raises(Unavailable):
            writer.stored(Letter("d"))
        free.set()
        assert await asyncio.gather(*waiting) == ["A", "B", "C"]
        await writer.stop()

    played(story)


def test_request_that_went_away_does_not_stop_the_others() -> None:
    async def story() -> None:
        writer = lane(echo)
        gone, staying = writer.stored(Letter("a")), writer.stored(Letter("b"))
        gone.cancel()
        assert await staying == "B"
        await writer.stop()

    played(story)
