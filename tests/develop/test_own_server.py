"""Each process of the tests has a server to itself where there are enough, and always the same one."""

from tests.own_server import database_url


def test_workers_take_the_servers_in_turn_and_the_controller_the_first() -> None:
    assert [database_url(["a", "b"], worker) for worker in ("gw0", "gw1", "gw2", "")] == ["a", "b", "a", "a"]
    assert database_url(["shared"], "gw1") == "shared"
