"""Duties: one worker at a time, silence gives the lease back, failures are told and repeated."""

import os
import subprocess
import sys
import threading
from datetime import timedelta

from quanyu.kernel import ControlStore, Duty, do_duties, do_if_due, duty_states, now
from quanyu.kernel.duties import DutyRow, free_leases_of_the_dead, machine

HOUR = timedelta(hours=1)


def test_a_duty_is_done_when_due_and_not_again(any_store: ControlStore) -> None:
    done: list[int] = []
    duty = Duty("count", HOUR, lambda: done.append(1))
    assert do_if_due(any_store, duty)
    assert not do_if_due(any_store, duty)
    assert done == [1]
    (state,) = duty_states(any_store)
    assert state.done_at is not None
    assert state.due_at - state.done_at == HOUR


def test_one_of_many_does_it(any_store: ControlStore) -> None:
    done: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(10)
        done.append("it")

    duty = Duty("slow", timedelta(0), work)
    first = threading.Thread(target=do_if_due, args=(any_store, duty, "first"))
    first.start()
    assert begun.wait(10)
    assert not do_if_due(any_store, duty, "second")
    go_on.set()
    first.join()
    assert done == ["it"]


def test_a_lease_that_ran_out_is_free(any_store: ControlStore) -> None:
    silent = Duty("silent", timedelta(0), lambda: None, lease=timedelta(0))
    taken: list[bool] = []
    outer = Duty(
        "silent",
        timedelta(0),
        lambda: taken.append(do_if_due(any_store, silent, "second")),
        lease=timedelta(0),
    )
    do_if_due(any_store, outer, "first")
    assert taken == [True]


def test_who_was_killed_holds_nothing_back_from_who_starts_anew(any_store: ControlStore) -> None:
    """Only what is known to be dead: not who lives, nor who is somewhere else."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    holders = {
        "dead": f"{machine()}:{ended.pid}:1",
        "alive": f"{machine()}:{os.getpid()}:1",
        "elsewhere": f"other/0:{ended.pid}:1",
    }
    with any_store.begin() as session:
        for name, holder in holders.items():
            ends = now() + HOUR
            session.add(DutyRow(name=name, due_at=now(), holder=holder, until=ends))
    assert free_leases_of_the_dead(any_store) == 1
    done = {name: do_if_due(any_store, Duty(name, HOUR, lambda: None)) for name in holders}
    assert done == {"dead": True, "alive": False, "elsewhere": False}
    assert free_leases_of_the_dead(any_store) == 0


def test_a_failure_is_told_and_repeated(any_store: ControlStore) -> None:
    def fail() -> None:
        raise ValueError("no such luck")

    duty = Duty("fails", timedelta(0), fail)
    assert not do_if_due(any_store, duty)
    (state,) = duty_states(any_store)
    assert state.problem == "ValueError: no such luck"
    assert state.done_at is None
    assert do_if_due(any_store, Duty("fails", timedelta(0), lambda: None))
    assert duty_states(any_store)[0].problem is None


def test_duties_stop_when_told(store: ControlStore) -> None:
    stopping, done = threading.Event(), threading.Event()
    duty = Duty("once", HOUR, done.set)
    thread = threading.Thread(target=do_duties, args=(store, [duty], stopping))
    thread.start()
    assert done.wait(20)
    stopping.set()
    thread.join(10)
    assert not thread.is_alive()


def test_a_duty_that_nothing_wants_is_not_taken(any_store: ControlStore) -> None:
    done: list[int] = []
    wanted = [False]
    duty = Duty("seldom", HOUR, lambda: done.append(1), wanted=lambda: wanted[0])
    assert not do_if_due(any_store, duty)
    assert duty_states(any_store) == []  # nothing was written
    wanted[0] = True
    assert do_if_due(any_store, duty)
    assert done == [1]


def test_what_is_due_is_done_until_it_is_stopped(any_store: ControlStore) -> None:
    done: list[str] = []
    stopping = threading.Event()

    def last() -> None:
        done.append("last")
        if done.count("last") == 2:
            stopping.set()

    duties = [Duty("once", HOUR, lambda: done.append("once")), Duty("last", timedelta(0), last)]
    do_duties(any_store, duties, stopping)
    assert sorted(done) == ["last", "last", "once"]
