"""Lines, words, braces, includes, conditions and definitions of keepalived.conf."""

from __future__ import annotations

from random import Random

import pytest

from tests.support.dpvs_conf import Files
from tests.support.keepalived_conf import PATH, SERVER, config, notes, problems, read, service_text, virtual_server
from xdpvs.config.keepalived_conf import ConfigError, NotPlainFileError, load
from xdpvs.config.keepalived_conf.definitions import Definitions, ExpansionError
from xdpvs.config.keepalived_conf.words import QuoteError, split_escaped, split_words, to_bytes, without_comment

VS = "virtual_server 198.51.100.1 80"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("  retry 1  ", "retry 1"),
        ("! a comment", ""),
        ("# a comment", ""),
        ("retry 1 # why", "retry 1"),
        ("retry 1 !why", "retry 1"),
        ('name "a #b" # c', 'name "a #b"'),
        ('name "a !b"', 'name "a !b"'),
        (r"name a\#b \!c", "name a#b !c"),
        (r'name "a\#b"', r'name "a\#b"'),
        (r"name a\\ # b", r"name a\\"),
        ('it # has "one quote', "it"),
        ("goes on \\", "goes on \\"),
        ("", ""),
    ],
)
def test_comments(line: str, text: str) -> None:
    assert without_comment(line) == (text, True)


def test_open_quote_is_seen() -> None:
    assert without_comment('name "a b')[1] is False
    assert problems('global_defs {\nrouter_id "a b\n}') == ["keepalived.conf:2: a quote is not closed"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b\tc", ("a", "b", "c")),
        ('a "b c" d', ("a", "b c", "d")),
        ('a "" d', ("a", "", "d")),
        ('a"b c"d', ("a", "b c", "d")),
    ],
)
def test_words(text: str, words: tuple[str, ...]) -> None:
    assert split_words(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/bin/a b", ("/bin/a", "b")),
        ('abcd" efg h jkl "mnop', ("abcd efg h jkl mnop",)),
        ('abcd "efg h jkl" mnop', ("abcd", "efg h jkl", "mnop")),
        ("a 'b \"c' d", ("a", 'b "c', "d")),
        (r"a\ b c", ("a b", "c")),
        (r"\a\b\E\f\n\r\t\v", ("\a\b\x1b\f\n\r\t\v",)),
        (r"\101\60 \x41 \cA \q \\", ("A0", "A", "\x01", "q", "\\")),
        (r"\xZZ", ("xZZ",)),
        ("''", ("",)),
        ("", ()),
    ],
)
def test_quotes_and_escapes_of_commands(text: str, words: tuple[str, ...]) -> None:
    assert split_escaped(text) == words


def test_escaped_bytes_reach_the_wire() -> None:
    (word,) = split_escaped(r"\x00\xff\200\377a")
    assert to_bytes(word) == b"\x00\xff\x80\xffa"


@pytest.mark.parametrize("text", ['"a', "'a", "a\\"])
def test_unfinished_quotes_of_commands(text: str) -> None:
    with pytest.raises(QuoteError):
        split_escaped(text)


@pytest.mark.parametrize(
    "text",
    [
        "%s {\nalpha\nreal_server 192.0.2.10 80 {\nTCP_CHECK {\nretry 3\n}\n}\n}",
        "%s\n{\nalpha\nreal_server 192.0.2.10 80\n{\nTCP_CHECK\n{\nretry 3\n}\n}\n}",
        "%s {alpha}\n",
        "%s{\nalpha\nreal_server 192.0.2.10 80{\nTCP_CHECK{ retry 3 }}}",
        "%s { alpha\nreal_server 192.0.2.10 80 { TCP_CHECK { retry 3 } } }",
        "%s\n\n# between\n{ alpha\nreal_server 192.0.2.10 80\n\n{ TCP_CHECK {\nretry 3 } }\n}",
        "%s {\r\nalpha\r\nreal_server 192.0.2.10 80 {\r\nTCP_CHECK {\r\nretry 3\r\n}\r\n}\r\n}\r\n",
    ],
)
def test_braces_may_stand_anywhere(text: str) -> None:
    result = read(text % VS)
    if "real_server" not in text:
        assert not result.config.virtual_servers
        return
    (found,) = result.config.virtual_servers
    (server,) = found.servers
    assert server.alpha
    assert server.checkers[0].timing.retry == 3


def test_braces_inside_quotes_are_text() -> None:
    assert config('global_defs {\nrouter_id "a { b }"\n}').globals.router_id == "a { b }"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("global_defs {\nrouter_id a\n", "1: block global_defs is not closed"),
        (f"{VS} {{\nreal_server 192.0.2.1 80 {{\n}}\n", "1: block virtual_server is not closed"),
        ("global_defs\n", "1: missing `{` after global_defs"),
        ("{\n}\n", "1: unexpected `{`"),
        ("global_defs {\n{\n}\n}\n", "2: unexpected `{`"),
        ("global_defs {\nrouter_id a {\n}\n}\n", "2: unexpected `{` after router_id"),
        ("vrrp_sync_group G {\ngroup {\na {\n}\n}\n}\n", "3: unexpected `{` in group"),
        ("a {\n" * 40 + "}\n" * 40, "33: blocks are nested too deeply"),
    ],
)
def test_wrong_braces(text: str, problem: str) -> None:
    assert f"keepalived.conf:{problem}" in problems(text)


def test_extra_brace_is_told_and_passed_over() -> None:
    assert notes("}\nglobal_defs {\n}\n}") == [
        "!keepalived.conf:1: `}` closes nothing, ignored",
        "!keepalived.conf:4: `}` closes nothing, ignored",
    ]


def test_unknown_keyword_is_a_warning_that_fails_the_test() -> None:
    text = service_text("colour blue", SERVER)
    assert notes(text) == ["!keepalived.conf:5: unknown keyword colour in virtual_server, ignored"]
    assert read(text).fails_test
    assert read(text).config.virtual_servers


def test_unknown_block_is_skipped_whole() -> None:
    servers = "real_server 192.0.2.10 80 {\nODD_CHECK {\nweight 7\ninner {\nalpha\n}\n}\nweight 3\n}\n"
    result = read(service_text(servers=servers))
    (server,) = result.config.virtual_servers[0].servers
    assert (server.dest.weight, server.alpha) == (3, False)
    assert [str(note).partition(": ")[2] for note in result.notes] == [
        "unknown keyword ODD_CHECK in real_server, ignored"
    ]


def test_unknown_block_at_the_top() -> None:
    assert notes("odd thing {\nrouter_id x {\n}\n}\nglobal_defs {\n}") == [
        "!keepalived.conf:1: unknown keyword odd, ignored"
    ]


def test_repeated_warnings_are_one_line() -> None:
    assert notes("global_defs {\nprocess_names\nprocess_names\nprocess_names\n}") == [
        "keepalived.conf:2: process_names is not supported and ignored (3 times)"
    ]


def test_errors_show_the_line_and_come_in_order() -> None:
    with pytest.raises(ConfigError) as caught:
        read("vrrp_instance V {\n    priority 1 {\n  }\n}\nglobal_defs {\n\tsmtp_server\n")
    assert str(caught.value) == (
        "/etc/keepalived/keepalived.conf:2: unexpected `{` after priority\n    priority 1 {\n"
        "/etc/keepalived/keepalived.conf:5: block global_defs is not closed\n    global_defs {\n"
        "/etc/keepalived/keepalived.conf:6: smtp_server needs a value\n    smtp_server"
    )


def test_secrets_are_not_shown() -> None:
    text = 'vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\nauthentication {\nauth_pass "hush\n}\n}\n'
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert "hush" not in str(caught.value)


# Includes


def test_include_is_relative_to_the_including_file() -> None:
    files = Files(
        {
            PATH: "include conf.d/one.conf\n",
            "/etc/keepalived/conf.d/one.conf": "include two.conf\nglobal_defs {\ninclude three.conf\n}\n",
            "/etc/keepalived/conf.d/two.conf": "instance two\n",
            "/etc/keepalived/conf.d/three.conf": "router_id three\n",
        }
    )
    found = load(PATH, files).config.globals
    assert (found.instance, found.router_id) == ("two", "three")


def test_include_takes_wildcards_and_alternatives() -> None:
    files = Files(
        {
            PATH: "include /etc/keepalived/{a,b/{c,d}}*.conf\n",
            "/etc/keepalived/a1.conf": "instance a1\n",
            "/etc/keepalived/b/c.conf": "net_namespace c\n",
            "/etc/keepalived/b/d.conf": "use_pid_dir\n",
            "/etc/keepalived/e.conf": "nonsense\n",
        }
    )
    result = load(PATH, files)
    found = result.config.globals
    assert (found.instance, found.net_namespace, found.use_pid_dir) == ("a1", "c", True)
    assert not result.notes


def test_messages_name_the_included_file() -> None:
    assert problems("include one.conf\n", one="\nglobal_defs {\nsmtp_server\n}\n") == [
        "one.conf:3: smtp_server needs a value"
    ]
    assert problems("global_defs {\n\ninclude one.conf\nsmtp_server\n}", one="a\nb\n") == [
        "keepalived.conf:4: smtp_server needs a value"
    ]


def test_include_without_match_only_warns() -> None:
    assert notes("include conf.d/*.conf\ninclude none.conf") == [
        "!keepalived.conf:1: include conf.d/*.conf matches no file",
        "!keepalived.conf:2: include none.conf matches no file",
    ]


@pytest.mark.parametrize(
    ("line", "fails"),
    [
        ("includer none.conf", False),
        ("includem none*.conf", False),
        ("includem none.conf", True),
        ("includew none*.conf", True),
        ("includea none.conf", True),
        ("includeb {one,none}.conf", True),
    ],
)
def test_stricter_includes(line: str, fails: bool) -> None:
    if fails:
        assert "matches no file" in problems(line, one="use_pid_dir")[0]
    else:
        assert "matches no file" in notes(line)[0]


def test_include_that_cannot_be_read_is_an_error() -> None:
    assert problems("include one.conf", one="unreadable") == [
        "keepalived.conf:1: cannot read /etc/keepalived/one.conf: Permission denied"
    ]
    with pytest.raises(ConfigError, match="cannot read /nowhere"):
        load("/nowhere", Files({}))


def test_include_of_an_executable_is_skipped() -> None:
    class Executables(Files):
        def read(self, path: str) -> str:
            if path.endswith(".sh"):
                raise NotPlainFileError(0, "executable")
            return super().read(path)

    result = load(PATH, Executables({PATH: "include a.sh\nuse_pid_dir\n", "/etc/keepalived/a.sh": "nonsense"}))
    assert result.config.globals.use_pid_dir
    assert "skipped" in str(result.notes[0])
    with pytest.raises(ConfigError, match="executable"):
        load("/etc/keepalived/a.sh", Executables({}))


def test_includes_that_do_not_end() -> None:
    assert problems("include keepalived.conf") == [
        "keepalived.conf:1: include of /etc/keepalived/keepalived.conf does not end"
    ]
    chain = {f"f{number}": f"include f{number + 1}.conf\n" for number in range(20)}
    assert problems("include f0.conf", **chain) == ["f14.conf:1: include of /etc/keepalived/f15.conf does not end"]


def test_blocks_end_in_the_file_that_opened_them() -> None:
    assert problems("global_defs {\ninclude one.conf\n", one="}\n")[1:] == [
        "one.conf:1: `}` closes global_defs, which this file did not open"
    ]
    assert problems("include one.conf\n}\n", one="global_defs {\n") == ["one.conf:1: block global_defs is not closed"]
    assert "keepalived.conf:1: missing `{` after global_defs" in problems(
        "global_defs\ninclude one.conf\n", one="{\n}\n"
    )


# Conditions


@pytest.mark.parametrize(("config_id", "priority"), [("main", 240), ("backup", 200), ("other", 100)])
def test_conditional_lines(config_id: str, priority: int) -> None:
    text = (
        "vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\n@main priority 240\n@backup  priority 200\n"
        "@^main @^backup unknown_word\n}\n"
    )
    result = read(text, config_id=config_id)
    assert result.config.instances[0].priority == priority
    assert any("unknown_word" in str(note) for note in result.notes) == (config_id == "other")


def test_condition_without_a_line_is_nothing() -> None:
    assert notes("@main\n@\n@^\n") == []


# Definitions


def router_id(text: str, config_id: str = "node") -> str:
    return read(text, config_id=config_id).config.globals.router_id


@pytest.mark.parametrize(
    ("definitions", "value", "router"),
    [
        ("$A=x\n", "$A", "x"),
        ("$A=x\n", "${A}y", "xy"),
        ("$A=x\n", "$A/y", "$A/y"),
        ("$A=x\n$A=z\n", "$A", "z"),
        ("$A = x\n", "$A", "x"),
        ("$A=1\n$B=${A}2\n$A=3\n", "$B", "32"),
        ("", "$UNDEFINED", "$UNDEFINED"),
        ("$A=\n", "x${A}y", "xy"),
        ("", "${_INSTANCE}", "node"),
        ("", "${_PWD}/x", "/etc/keepalived/x"),
        ("", "a${_HASH}b${_BANG}c", "a#b!c"),
        ("$A=x # comment\n", "$A", "x"),
        ("@node $A=x\n@other $A=y\n", "$A", "x"),
        ("$IF=@node\n", "q\n$IF router_id x", "x"),
        ("$IF=@other\n", "q\n$IF router_id x", "q"),
    ],
)
def test_definitions(definitions: str, value: str, router: str) -> None:
    assert router_id(f"{definitions}global_defs {{\nrouter_id {value}\n}}\n") == router


def test_definitions_are_replaced_inside_quotes() -> None:
    assert router_id('$A=x\nglobal_defs {\nrouter_id "a ${A} b"\n}\n') == "a x b"


def test_random_is_repeatable_and_in_range() -> None:
    text = "global_defs {\nvrrp_garp_master_delay ${_RANDOM 10 12}\nvrrp_garp_master_refresh ${_RANDOM}\n}\n" + (
        "vrrp_instance V {\ninterface eth0\nvirtual_router_id 1\n}\n"
    )
    first, second = (load(PATH, Files({PATH: text}), seed=5).config.instances[0].garp for _ in range(2))
    assert first == second
    assert 10 <= first.master_delay_s <= 12
    assert 0 <= first.master_refresh_s <= 32767
    assert problems("global_defs {\nvrrp_garp_master_delay ${_RANDOM 3 2}\n}\n")


def test_definition_over_several_lines() -> None:
    text = (
        "$RS= \\\nreal_server 192.0.2.${N} 80 { \\\nweight ${N} \\\nTCP_CHECK { \\\n} \\\n}\n"
        f"{VS} {{\nprotocol TCP\nlb_algo rr\nlb_kind FNAT\n$N=1\n$RS\n$N=2\n$RS\n}}\n"
    )
    (found,) = config(text).virtual_servers
    assert [(str(server.dest.address), server.dest.weight) for server in found.servers] == [
        ("192.0.2.1", 1),
        ("192.0.2.2", 2),
    ]


def test_definitions_of_several_lines_inside_each_other() -> None:
    text = (
        "$RS= \\\nreal_server 192.0.2.${N} 80 { \\\n}\n"
        "$VS= \\\nvirtual_server 198.51.100.${M} 80 { \\\nlb_algo rr \\\nlb_kind FNAT \\\nprotocol TCP \\\n"
        "$N=1 \\\n$RS \\\n$N=2 \\\n$RS \\\n}\n"
        "$M=7\n$VS\n$M=8\n$VS\n"
    )
    found = config(text).virtual_servers
    assert [virtual.name for virtual in found] == ["[198.51.100.7]:tcp:80", "[198.51.100.8]:tcp:80"]
    assert [len(virtual.servers) for virtual in found] == [2, 2]


def test_a_line_may_go_on_in_the_next() -> None:
    assert config("global_defs {\nsmtp_server 192.0.2.1 \\\n  2525 # port\n}").globals.mail.port == 2525


def test_definitions_that_do_not_end() -> None:
    for text in ("$A=a $B\n$B=b $A\nx $A\n", "$A= \\\nx \\\n$A\n$A\n", "$A=${A}${A}\nx ${A}\n"):
        assert "do not end" in problems(text)[0] or "too long" in problems(text)[0]


def test_runaway_sequences_stop() -> None:
    definitions = Definitions("", Random(0), lines_left=1000)
    with pytest.raises(ExpansionError, match="too many lines"):
        list(definitions.expand("~SEQ(A,0,3000) ~SEQ(B,0,3000) use_pid_dir"))


def test_line_of_another_node_may_go_on() -> None:
    text = "@other global_defs { \\\nrouter_id x \\\n}\nuse_pid_dir\n"
    found = read(text, config_id="this").config.globals
    assert (found.router_id, found.use_pid_dir) == ("lb1.example", True)


def test_escaped_backslash_ends_a_line() -> None:
    assert router_id("global_defs {\nrouter_id a\\\\\nlvs_flush\n}\n") == "a\\\\"


def addresses(line: str) -> list[str]:
    text = f"vrrp_instance V {{\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress_excluded {{\n{line}\n}}\n}}\n"
    return [str(each.address) for each in config(text).instances[0].excluded_addresses]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("~SEQ(N, 0, 3) 10.0.${N}.1", ["10.0.0.1", "10.0.1.1", "10.0.2.1", "10.0.3.1"]),
        ("~SEQ(N, 3) 10.0.0.$N", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ("~SEQ(N, 3) 10.0.0.${N}", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
        ("~SEQ(N, 9, -4, 1) 10.0.0.${N}", ["10.0.0.9", "10.0.0.5", "10.0.0.1"]),
        ("~SEQ(N, 3, 1) 10.0.0.${N}", ["10.0.0.3", "10.0.0.2", "10.0.0.1"]),
        ("~SEQ(A, 1, 2) ~SEQ(B, 5, 6) 10.0.${A}.${B}", ["10.0.1.5", "10.0.1.6", "10.0.2.5", "10.0.2.6"]),
        ("~SEQx(N, 0x90, 0x10, 0xb0) fe80::${N}", ["fe80::90", "fe80::a0", "fe80::b0"]),
        ("~LST(N, 5, 7) 10.0.0.${N}", ["10.0.0.5", "10.0.0.7"]),
        ("~LST({A, B}, {10,1}, {20,4}) 10.0.${A}.${B}", ["10.0.10.1", "10.0.20.4"]),
        ("~LST(A, 1, 2) ~SEQ(B, 3, 4) 10.0.${A}.${B}", ["10.0.1.3", "10.0.1.4", "10.0.2.3", "10.0.2.4"]),
    ],
)
def test_sequences(line: str, found: list[str]) -> None:
    assert addresses(line) == found


@pytest.mark.parametrize(
    "line",
    [
        "~SEQ(N, 1, 0, 3) x",
        "~SEQ(N, 1, -1, 3) x",
        "~SEQ(N) x",
        "~SEQ x",
        "~SEQ(, 1) x",
        "~LST(A) x",
        "~LST({A,B},{1}) x",
    ],
)
def test_wrong_sequences(line: str) -> None:
    assert "invalid ~" in problems(line)[0]


def test_virtual_server_may_stand_before_its_groups() -> None:
    more = "local_address_group l {\n192.0.2.200 dpdk0\n}\n"
    assert virtual_server("laddr_group_name l", more=more).laddrs[0].device == "dpdk0"
