"""No address that a person types reaches the server's own network, and every download ends."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from digits_core.errors import BadData, Unsafe
from digits_core.safe import download, safe_download, safe_fetch
from digits_core.safe.fetch import Times, check_address
from tests.data import webserver
from tests.data.webserver import body, serving, status

LOCAL = ["127.0.0.1"]
QUICK = Times(1, 1, 2)


@pytest.fixture
def canary() -> Iterator[tuple[str, list[str]]]:
    with serving({"/": body(b"secret"), "/x.png": body(b"secret")}) as (address, seen):
        yield address.rpartition(":")[2], seen


@pytest.mark.parametrize("url", [
    "http://127.0.0.1:{port}/", "http://127.1:{port}/", "http://0177.0.0.1:{port}/", "http://0x7f.0.0.1:{port}/",
    "http://2130706433:{port}/", "http://0x7f000001:{port}/", "http://017700000001:{port}/", "http://0:{port}/",
    "http://0.0.0.0:{port}/", "http://localhost:{port}/", "http://LOCALHOST:{port}/", "http://localhost.:{port}/",
    "http://[::1]:{port}/", "http://[::]:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://[::ffff:7f00:1]:{port}/",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/", "http://[64:ff9b::7f00:1]:{port}/", "http://[2002:7f00:1::]:{port}/",
    "http://a@127.0.0.1:{port}/", "http://example.com@127.0.0.1:{port}/", "http://example.com:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@example.com/", "http://127.0.0.1:{port}#@example.com/", "http:///127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@example.com/", "http://example.com\\@127.0.0.1:{port}/", "http:127.0.0.1:{port}/",
    "http://127.0.0.1 :{port}/", "http://127.0.0.1:{port}/\r\nHost: x", "http://１２７.0.0.1:{port}/",
    "http://127。0。0。1:{port}/", "http://ⓛocalhost:{port}/", "http://127.0.0.2:{port}/",
    "http://127.255.255.254:{port}/",
    "https://127.0.0.1:{port}/", "//127.0.0.1:{port}/", "file:///etc/passwd", "file://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/", "ftp://127.0.0.1:{port}/", "ws://127.0.0.1:{port}/", "dict://127.0.0.1:{port}/",
    "data:text/plain,x", "unix:///tmp/x", "http+unix://%2ftmp%2fx/", "http://", "http://:{port}/", "http://[::1/", "",
    "http://127.0.0.1:99999/", "http://127.0.0.1:0/", "http://[fe80::1%25lo]:{port}/", "http://%31%32%37.0.0.1:{port}/",
    "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://192.168.0.1/", "http://172.16.0.1/",
    "http://100.64.0.1/", "http://224.0.0.1/", "http://[fd00::1]/", "http://[fe80::1]/", "http://255.255.255.255/",
    "http://192.0.2.1/", "http://198.18.0.1/"])
def test_no_way_of_writing_a_private_address_reaches_it(canary: tuple[str, list[str]], url: str) -> None:
    port, seen = canary
    with pytest.raises((Unsafe, BadData)):
        safe_fetch(url.replace("{port}", port), times=QUICK, tries=1)
    assert seen == []


@pytest.mark.parametrize("text", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.1.1", "::1", "fe80::1%eth0",
                                  "fd12::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "224.0.0.1",
                                  "0.0.0.0", "240.0.0.1", "::", "192.0.0.1"])
def test_addresses_off_the_public_internet_are_refused(text: str) -> None:
    with pytest.raises(Unsafe):
        check_address(text)


def test_public_addresses_pass() -> None:
    check_address("93.184.216.34")
    check_address("2606:2800:220:1:248:1893:25c8:1946")


def test_a_private_host_that_is_allowed_answers() -> None:
    with serving({"/x": body(b"hello")}) as (address, seen):
        assert safe_fetch(f"{address}/x?token=1", LOCAL) == b"hello"
        assert seen == ["/x?token=1"]


def test_a_redirect_to_a_private_host_is_refused_before_a_byte_is_sent(canary: tuple[str, list[str]]) -> None:
    port, seen = canary
    for target in (f"http://localhost:{port}/", f"http://127.0.0.2:{port}/", "file:///etc/passwd"):
        with serving({"/": status(302, target)}) as (address, _), pytest.raises(Unsafe):
            safe_fetch(address, LOCAL)
    assert seen == []


def test_redirects_are_followed_up_to_five_times() -> None:
    hops = {f"/{n}": status(302, f"/{n + 1}") for n in range(9)}
    with serving({**hops, "/9": body(b"end")}) as (address, _):
        assert safe_fetch(f"{address}/4", LOCAL) == b"end"
        with pytest.raises(BadData, match="redirects more than 5"):
            safe_fetch(f"{address}/3", LOCAL)


def test_a_name_that_changes_its_address_is_judged_by_the_one_connected_to(
        canary: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    port, seen = canary
    answers = iter(["93.184.216.34", "127.0.0.1", "127.0.0.1"])
    asked, real = [], socket.getaddrinfo

    def resolve(host: str, number: int, *_: Any, **__: Any) -> list[Any]:
        if host[0].isdigit():
            return real(host, number, *_, **__)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), number))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises((Unsafe, BadData)):
        safe_fetch(f"http://rebind.example:{port}/", times=QUICK, tries=1)
    assert seen == [] and asked == ["rebind.example"], "resolved once; the connection goes to that very address"


def test_one_private_address_among_public_ones_is_enough_to_refuse(
        canary: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    port, seen = canary
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, number, **_: [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, number)) for address in ("93.184.216.34", "127.0.0.1")])
    with pytest.raises(Unsafe):
        safe_fetch(f"http://two.example:{port}/", times=QUICK)
    assert seen == []


def test_an_endless_answer_stops_at_the_limit() -> None:
    with serving({"/": webserver.endless}) as (address, _), pytest.raises(BadData, match="larger than 1 MB"):
        safe_fetch(address, LOCAL, limit=1_000_000)


def test_a_size_over_the_limit_is_refused_before_reading() -> None:
    with serving({"/": body(b"x" * 100)}) as (address, _), pytest.raises(BadData, match="at most"):
        safe_fetch(address, LOCAL, limit=99)


def test_a_tarpit_ends_at_the_total_time() -> None:
    with serving({"/": webserver.drip}) as (address, _):
        start = webserver.now()
        with pytest.raises(BadData, match="in time"):
            safe_fetch(address, LOCAL, times=Times(1, 1, 0.6), tries=1)
        assert webserver.now() - start < 5


def test_a_server_that_says_nothing_is_given_up() -> None:
    with serving({"/": webserver.silent}) as (address, _), pytest.raises(BadData, match="in time"):
        safe_fetch(address, LOCAL, times=Times(1, 0.3, 2), tries=1)


def test_a_compressed_answer_is_refused() -> None:
    with serving({"/": body(b"\x1f\x8b", Content_Encoding="gzip")}) as (address, _), \
            pytest.raises(BadData, match="compressed"):
        safe_fetch(address, LOCAL)


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410])
def test_a_clear_no_is_not_asked_again(code: int) -> None:
    with serving({"/": status(code)}) as (address, seen):
        with pytest.raises(BadData, match=str(code)):
            safe_fetch(address, LOCAL)
        assert len(seen) == 1


@pytest.mark.parametrize("code", [429, 500, 503])
def test_a_busy_server_is_asked_again(code: int) -> None:
    with serving({"/": webserver.in_turn(status(code), body(b"ok"))}) as (address, seen):
        assert safe_fetch(address, LOCAL) == b"ok" and len(seen) == 2


def test_no_proxy_of_the_environment_is_used(canary: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    port, seen = canary
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{port}")
    with serving({"/": body(b"direct")}) as (address, _):
        assert safe_fetch(address, LOCAL) == b"direct"
    assert seen == []


def test_a_download_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with serving({"/a": body(b"abc"), "/b": body(b"abc", Content_Length="10")}) as (address, _):
        digest = safe_download(f"{address}/a", tmp_path / "a", LOCAL)
        assert (tmp_path / "a").read_bytes() == b"abc"
        assert digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        with pytest.raises(BadData):
            safe_download(f"{address}/b", tmp_path / "b", LOCAL, times=QUICK)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_download_that_breaks_off_goes_on_where_it_was(tmp_path: Path) -> None:
    content, sizes = bytes(range(256)) * 40, []
    with serving({"/a": webserver.pieces(content, 4000)}) as (address, seen):
        safe_download(f"{address}/a", tmp_path / "a", LOCAL, tries=3, watch=sizes.append)
    assert (tmp_path / "a").read_bytes() == content and len(seen) == 3
    assert sizes == sorted(sizes) and sizes[-1] == len(content)


def test_a_download_that_only_drips_gives_its_place_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "PATIENCE_S", 0.05)
    with serving({"/a": webserver.drip}) as (address, _), pytest.raises(BadData, match="less than 1 kB a second"):
        safe_download(f"{address}/a", tmp_path / "a", LOCAL)


def test_a_kept_part_is_gone_on_with_by_a_later_call_also_where_the_server_cannot(tmp_path: Path) -> None:
    content = bytes(range(256)) * 40
    with serving({"/a": webserver.pieces(content, 4000), "/b": body(content)}) as (address, _):
        with pytest.raises(BadData, match="broke off"):
            safe_download(f"{address}/a", tmp_path / "a", LOCAL, keep=True)
        assert [path.name for path in tmp_path.iterdir()] == [".a.part"]
        safe_download(f"{address}/b", tmp_path / "a", LOCAL, keep=True)
    assert (tmp_path / "a").read_bytes() == content
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
