"""Sign-in: sessions, lock-out, limits, rehashing, equal work for unknown logins, CSRF."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, update

from quanyu.kernel import Invalid, NotFound, Refused, TooMany, Unauthenticated, now
from quanyu.parties import (
    Callers,
    Role,
    change_password,
    check_csrf,
    csrf_token,
    deactivate,
    reset_password,
    sign_in,
    sign_out,
)
from quanyu.parties.tables import AttemptRow, MemberRow, SessionRow

PASSWORD = "seven wild geese"
HOME = "192.0.2.1"


class Counting(PasswordHasher):
    """Counts how often the password function runs."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.runs = 0

    def hash(self, *args, **kwargs) -> str:
        self.runs += 1
        return super().hash(*args, **kwargs)

    def verify(self, *args, **kwargs) -> bool:
        self.runs += 1
        return super().verify(*args, **kwargs)


@pytest.fixture
def ann(town):
    return town.add("ann", Role.SUPPLIER)


def who(town, secret):
    return Callers(town.store, ttl=0).who(None, secret)


def test_the_right_password_opens_a_session(town, ann, cheap) -> None:
    member, secret = sign_in(town.store, " ANN ", PASSWORD, HOME, hasher=cheap)
    assert member == ann
    assert who(town, secret).member == ann.id
    with town.store.begin() as session:
        sign_out(session, secret)
        sign_out(session, "unknown")
    with pytest.raises(Unauthenticated):
        who(town, secret)


def test_a_password_is_the_same_however_it_is_composed(town, cheap) -> None:
    town.add("zoe", password="Zoe\u0301 and friends")
    sign_in(town.store, "zoe", "Zo\u00e9 and friends", HOME, hasher=cheap)


def test_secrets_are_not_stored(town, ann, cheap) -> None:
    _, secret = sign_in(town.store, "ann", PASSWORD, HOME, hasher=cheap)
    with town.store.read() as session:
        row = session.scalars(select(SessionRow)).one()
        assert secret not in row.secret_hash
        stored = session.scalars(select(MemberRow.password_hash)).one()
    assert stored.startswith("$argon2id$")
    assert PASSWORD not in stored


def test_sessions_end_by_themselves(town, ann, cheap) -> None:
    _, secret = sign_in(town.store, "ann", PASSWORD, HOME, hours=-1, hasher=cheap)
    with pytest.raises(Unauthenticated):
        who(town, secret)
    sign_in(town.store, "ann", PASSWORD, HOME, hasher=cheap)
    with town.store.read() as session:
        assert session.scalar(select(func.count()).select_from(SessionRow)) == 1


@pytest.mark.parametrize("login", ["ann", "nobody", "", "not a login", "\ud800", "x" * 5000])
def test_wrong_says_never_what_was_wrong(town, ann, cheap, login: str) -> None:
    with pytest.raises(Unauthenticated) as error:
        sign_in(town.store, login, "\udfff wrong", HOME, hasher=cheap)
    assert str(error.value).startswith("password: login or password is wrong")


def test_an_unknown_login_costs_the_same_work(town, ann) -> None:
    works = []
    for login in ("ann", "nobody", "no login at all"):
        hasher = Counting()
        with pytest.raises(Unauthenticated):
            sign_in(town.store, login, "wrong password", HOME, hasher=hasher)
        works.append(hasher.runs)
    assert works == [1, 1, 1]


def test_a_login_is_locked_after_five_failures(town, ann, cheap) -> None:
    for login in ("ann", "nobody"):
        for _ in range(5):
            with pytest.raises(Unauthenticated):
                sign_in(town.store, login, "wrong", HOME, hasher=cheap)
        with pytest.raises(TooMany) as error:
            sign_in(town.store, login, PASSWORD, "198.51.100.7", hasher=cheap)
        assert 890 < error.value.retry_after <= 900
    with town.store.begin() as session:
        session.execute(update(AttemptRow).values(since=now() - timedelta(minutes=15)))
    sign_in(town.store, "ann", PASSWORD, HOME, hasher=cheap)


def test_success_wipes_the_failures(town, ann, cheap) -> None:
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(Unauthenticated):
                sign_in(town.store, "ann", "wrong", HOME, hasher=cheap)
        sign_in(town.store, "ann", PASSWORD, HOME, hasher=cheap)


def test_attempts_at_the_same_time_do_not_slip_past(town, ann, cheap) -> None:
    def attempt(_: int) -> type[Exception]:
        try:
            sign_in(town.store, "ann", "wrong", HOME, hasher=cheap)
        except (Unauthenticated, TooMany) as error:
            return type(error)
        raise AssertionError

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(attempt, range(24)))
    assert answers.count(Unauthenticated) == 5


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("a socket", "a socket", True),
    ],
)
def test_an_address_may_fail_thirty_times_a_minute(
    town, cheap, first: str, second: str, same: bool
) -> None:
    for number in range(30):
        with pytest.raises(Unauthenticated):
            sign_in(town.store, f"guess{number}", "wrong", first, hasher=cheap)
    kind = TooMany if same else Unauthenticated
    with pytest.raises(kind) as error:
        sign_in(town.store, "another", "wrong", second, hasher=cheap)
    if same:
        assert 1 <= error.value.retry_after <= 60


def test_right_passwords_do_not_use_an_address_up(town, ann, cheap) -> None:
    for _ in range(35):
        sign_in(town.store, "ann", PASSWORD, HOME, hasher=cheap)


def test_hashes_follow_the_parameters(town, ann, cheap) -> None:
    dearer = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    sign_in(town.store, "ann", PASSWORD, HOME, hasher=dearer)
    with town.store.read() as session:
        stored = session.scalars(select(MemberRow.password_hash)).one()
    assert "m=16,t=2,p=1" in stored
    sign_in(town.store, "ann", PASSWORD, HOME, hasher=dearer)


def test_who_left_cannot_come_in(town, ann, cheap) -> None:
    _, secret = sign_in(town.store, "ann", PASSWORD, HOME, hasher=cheap)
    with town.store.begin() as session:
        deactivate(session, ann.id)
    with pytest.raises(Unauthenticated):
        who(town, secret)
    hasher = Counting()
    with pytest.raises(Unauthenticated):
        sign_in(town.store, "ann", PASSWORD, HOME, hasher=hasher)
    assert hasher.runs == 1


def test_a_new_password_ends_all_sessions(town, ann, cheap) -> None:
    _, secret = sign_in(town.store, "ann", PASSWORD, HOME, hasher=cheap)
    change_password(
        town.store, ann.id, current=PASSWORD, new="eight wild geese", address=HOME, hasher=cheap
    )
    with pytest.raises(Unauthenticated):
        who(town, secret)
    with pytest.raises(Unauthenticated):
        sign_in(town.store, "ann", PASSWORD, HOME, hasher=cheap)
    _, secret = sign_in(town.store, "ann", "eight wild geese", HOME, hasher=cheap)
    with town.store.begin() as session:
        reset_password(session, ann.id, password="nine wild geese", hasher=cheap)
    with pytest.raises(Unauthenticated):
        who(town, secret)
    sign_in(town.store, "ann", "nine wild geese", HOME, hasher=cheap)


def test_changing_a_password_takes_the_old_one(town, ann, cheap) -> None:
    def change(current: str, new: str, member=ann.id) -> None:
        change_password(town.store, member, current=current, new=new, address=HOME, hasher=cheap)

    with pytest.raises(Invalid):
        change(PASSWORD, "short")
    with pytest.raises(NotFound):
        change(PASSWORD, "long enough", "mbr_none")
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            change("a guess", "long enough")
    with pytest.raises(TooMany):
        change(PASSWORD, "long enough")


def test_csrf_tokens_belong_to_their_session() -> None:
    token = csrf_token("one")
    check_csrf("one", token)
    for secret, other in [("two", token), ("one", None), ("one", ""), ("one", "\ud800")]:
        with pytest.raises(Refused) as error:
            check_csrf(secret, other)
        assert error.value.rule == "csrf"
