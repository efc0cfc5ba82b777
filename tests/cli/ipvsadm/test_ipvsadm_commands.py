"""What is asked of the daemon, what is refused before that, and how failures end."""

from __future__ import annotations

import errno
from ipaddress import ip_address

import pytest

from tests.support.ipvsadm import FakeClient, run_fake
from xdpvs.api.errors import ConnectionFailed, ShortReply
from xdpvs.api.ids import MessageId
from xdpvs.api.requests import DestRequest, LaddrRequest
from xdpvs.ipvsadm.options import Command, Tracked, check_legality
from xdpvs.model.address import Family, Protocol
from xdpvs.model.network import Address, AddressFlags
from xdpvs.model.service import (
    AclEntry,
    CheckConfig,
    CheckTypes,
    Dest,
    ForwardingMode,
    Laddr,
    Service,
    ServiceFlags,
    ServiceKey,
    ServiceStatus,
)
from xdpvs.model.table import TableEntry

VIP = ip_address("192.0.2.1")
RS = ip_address("198.51.100.1")
LOCAL = ip_address("198.51.100.200")
KEY = ServiceKey(Family.INET, Protocol.TCP, VIP, 80)
TRY_HELP = "Try `ipvsadm -h' or 'ipvsadm --help' for more information.\n"


def one_change(line: str) -> tuple[MessageId, object]:
    fake = FakeClient()
    outcome = run_fake(line, fake)
    assert (outcome.stdout, outcome.stderr, outcome.status) == ("", "", 0)
    [change] = fake.changes
    return change


def added_dest(line: str) -> Dest:
    number, request = one_change(line)
    assert number == MessageId.ADDDEST
    assert isinstance(request, DestRequest)
    return request.dest


@pytest.mark.parametrize(
    ("line", "number", "request_"),
    [
        ("-C", MessageId.FLUSH, None),
        ("-D -t 192.0.2.1:80", MessageId.DEL, KEY),
        ("-Z", MessageId.ZERO, None),
        ("-Z -t 192.0.2.1:80", MessageId.ZERO, KEY),
        ("-A -t 192.0.2.1:80", MessageId.ADD, Service(KEY, "wlc")),
        ("-At 192.0.2.1:80 -p", MessageId.ADD, Service(KEY, "wlc", ServiceFlags.PERSISTENT, 360)),
        ("-A -t 192.0.2.1:80 --conn-timeout -1", MessageId.ADD, Service(KEY, conn_timeout_s=0xFFFFFFFF)),
        ("-A -t 192.0.2.1:80 -s conhash", MessageId.ADD, Service(KEY, "conhash", ServiceFlags.SIP_HASH)),
        ("-A -t 192.0.2.1:80 -M 255.255.0.0", MessageId.ADD, Service(KEY, netmask=0xFFFF0000)),
        (
            "-A -t 192.0.2.1:80 --dest-check default --dest-check tcp",
            MessageId.ADD,
            Service(KEY, check=CheckConfig(CheckTypes.PASSIVE | CheckTypes.TCP, 1, 1, 3, 5, 3600)),
        ),
        ("-U -t 192.0.2.1:80 -k 198.51.100.1", MessageId.BLKLST_ADD, AclEntry(Family.INET, 6, VIP, 80, RS)),
        (
            "-Y -t 192.0.2.1:80 -2 ipset:good",
            MessageId.WHTLST_DEL,
            AclEntry(Family.INET, 6, VIP, 80, ip_address("0.0.0.0"), "good"),
        ),
        ("-D -f 7 -6", MessageId.DEL, ServiceKey(Family.INET6, 6, ip_address("::"), 0, 7)),
    ],
)
def test_changes(line: str, number: MessageId, request_: object) -> None:
    assert one_change(line) == (number, request_)


def test_servers() -> None:
    assert added_dest("-a -t 192.0.2.1:80 -r 198.51.100.1:8080 -b -w 5 -x 9 -y 3") == Dest(
        Family.INET, RS, 8080, ForwardingMode.FULLNAT, 5, 9, 3
    )


@pytest.mark.parametrize(
    ("words", "port"),
    [
        ("-r 198.51.100.1:8080 -g", 80),
        ("-r 198.51.100.1:8080 -i", 80),
        ("-r 198.51.100.1:8080", 80),
        ("-r 198.51.100.1:8080 -m", 8080),
        ("-r 198.51.100.1 -b", 80),
        ("-r 198.51.100.1 -m", 80),
        ("-r 198.51.100.1:0 -b", 0),
    ],
)
def test_modes_that_cannot_change_the_port_drop_it_and_a_missing_one_is_the_services(words: str, port: int) -> None:
    assert added_dest(f"-a -t 192.0.2.1:80 {words}").port == port
    assert added_dest(f"-a {words} -t 192.0.2.1:80").port == port


def test_fwmark_servers_keep_their_port() -> None:
    assert added_dest("-a -f 7 -r 198.51.100.1:8080 -g").port == 8080


def test_deleting_takes_the_port_as_typed() -> None:
    number, request = one_change("-d -t 192.0.2.1:80 -r 198.51.100.1:8080")
    assert number == MessageId.DELDEST
    assert isinstance(request, DestRequest)
    assert request.dest.port == 8080


LADDR = "-t 192.0.2.1:80 -z 198.51.100.200 -F dpdk1"
LADDR_REQUEST = LaddrRequest(KEY, Laddr(Family.INET, LOCAL, "dpdk1"))
ON_DEVICE = Address(Family.INET, LOCAL, 32, "dpdk1", flags=AddressFlags.SAPOOL)


def test_local_addresses_take_two_requests() -> None:
    fake = FakeClient()
    assert run_fake(f"-P {LADDR}", fake).status == 0
    assert run_fake(f"-Q {LADDR}", fake).status == 0
    assert fake.changes == [
        (MessageId.IFADDR_ADD, ON_DEVICE),
        (MessageId.LADDR_ADD, LADDR_REQUEST),
        (MessageId.IFADDR_DEL, ON_DEVICE),
        (MessageId.LADDR_DEL, LADDR_REQUEST),
    ]


def test_a_shared_local_address_is_noise_on_stderr_only() -> None:
    outcome = run_fake(f"-P {LADDR}", FakeClient(refusals={MessageId.IFADDR_ADD: -3}))
    assert outcome.stderr == "[sockopt_msg_recv] errcode set in socket msg#47 header: already exist(-3)\n"
    assert outcome.status == 0


def test_the_second_request_decides() -> None:
    outcome = run_fake(f"-P {LADDR}", FakeClient(refusals={MessageId.LADDR_ADD: -17}))
    assert outcome.stderr == "[sockopt_msg_recv] errcode set in socket msg#0 header: no service(-17)\nSuccess\n"
    assert outcome.status == 239


BEFORE = Service(
    KEY,
    "rr",
    ServiceFlags.SYNPROXY | ServiceFlags.QUIC,
    conn_timeout_s=60,
    check=CheckConfig(CheckTypes.TCP),
)


def edited(words: str, before: Service = BEFORE) -> Service:
    fake = FakeClient([TableEntry(ServiceStatus(before))])
    assert run_fake(f"-E -t 192.0.2.1:80 {words}", fake).status == 0
    [(number, request)] = fake.changes
    assert number == MessageId.EDIT
    assert isinstance(request, Service)
    return request


def test_editing_resets_three_attributes_and_keeps_the_rest() -> None:
    assert edited("-s wrr") == Service(KEY, "wrr", BEFORE.flags)
    assert edited("--conn-timeout 60 --dest-check tcp") == BEFORE


def test_editing_flags() -> None:
    assert ServiceFlags.SYNPROXY not in edited("-j disable").flags
    hashed = Service(KEY, "conhash", ServiceFlags.QID_HASH)
    assert edited("-s conhash", hashed).flags == ServiceFlags.QID_HASH | ServiceFlags.SIP_HASH
    assert edited("-s rr", hashed).flags == ServiceFlags(0)
    assert edited("-p 30", hashed).persistence_timeout_s == 30
    assert edited("--quic", Service(KEY)).flags == ServiceFlags(0)


def test_editing_what_is_not_there() -> None:
    outcome = run_fake("-E -t 192.0.2.1:80 -s rr", FakeClient())
    assert outcome.stderr == (
        "[sockopt_msg_recv] errcode set in socket msg#20 header: msg callback failed(-23)\nSuccess\nSuccess\n"
    )
    assert outcome.status == 255


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("-A", "You need to supply the 'service-address' option for the 'add-service' command"),
        ("-P -t 192.0.2.1:80 -z 1.2.3.4", "You need to supply the 'ifname' option for the 'add-laddr' command"),
        ("-a -t 192.0.2.1:80", "You need to supply the 'real-server' option for the 'add-server' command"),
        ("-C -n", "Illegal 'numeric' option with the 'flush' command"),
        ("-A -t 192.0.2.1:80 --pe sip", "Illegal 'pe' option with the 'add-service' command"),
        ("-G -n", "Illegal 'numeric' option with the 'get-laddr' command"),
        (
            "-l -c -t 192.0.2.1:80",
            "The option 'service-address' conflicts with the 'connection' option in the 'list' command",
        ),
        ("-l --timeout --daemon", "The option 'daemon' conflicts with the 'timeout' option in the 'list' command"),
        ("-lc --stats", "options conflicts in the list command"),
        ("-l --daemon --persistent-conn", "options conflicts in the list command"),
        ("-l -n -n", "multiple 'numeric' options specified"),
        ("-a -t 192.0.2.1:80 -r 1.2.3.4 -b -g", "multiple 'forwarding-method' options specified"),
        ("-A -t 192.0.2.1:80 -u 192.0.2.1:80", "multiple 'service-address' options specified"),
        ("-A -t nonsense", "illegal virtual server address[:port] specified"),
        ("-A -t 80", "illegal virtual server address[:port] specified"),
        ("-A -t 192.0.2.1:80 -p 0", "invalid timeout value `0' specified"),
        ("-A -t 192.0.2.1:80 -p 2678401", "invalid timeout value `2678401' specified"),
        ("-A -t 192.0.2.1:80 -M nowhere", "illegal virtual server persistent mask specified"),
        ("-A -t [2001:db8::1]:80 -M 129", "illegal ipv6 netmask specified"),
        ("-A -t 192.0.2.1:80 -j on", "synproxy switch must be enable or disable\n"),
        ("-A -t 192.0.2.1:80 --hash-target sip", "hash target can only be set when schedule is conhash\n"),
        ("-A -t 192.0.2.1:80 -s conhash --hash-target qid", "qid hash can only be set in udp service\n"),
        ("-A -t 192.0.2.1:80 -s conhash --hash-target dip", "hash target not support\n"),
        ("-A -t 192.0.2.1:80 --dest-check often", "invalid dest_check config"),
        ("-A -t 192.0.2.1:0", "Zero port specified for no-match and non-persistent service"),
        ("-A -t 192.0.2.1:80 -o", "One-Packet Scheduling is only for UDP virtual services"),
        ("-A -H proto=tcp", "illegal match specified"),
        ("-A -f 0", "invalid fwmark value `0' specified"),
        ("-A -6 -f 1", "-6 used before -f\n"),
        ("-a -t 192.0.2.1:80 -r nowhere", "illegal real server address[:port] specified"),
        ("-a -t 192.0.2.1:80 -r 1.2.3.4 -w 65536", "illegal weight specified"),
        ("-a -t 192.0.2.1:80 -r 1.2.3.4 -x -1", "illegal u_threshold specified"),
        ("-a -t 192.0.2.1:80 -r 1.2.3.4 -y 2147483648", "illegal l_threshold specified"),
        ("-P -t 192.0.2.1:80 -z nowhere -F dpdk0", "illegal local address"),
        ("-U -t 192.0.2.1:80 -k nowhere", "illegal blacklist entry format, require [ IP | ipset:NAME ]"),
        ("-O -t 192.0.2.1:80 -2 nowhere", "illegal whitelist entry format, require [ IP | ipset:NAME ]"),
        ("-lc --sockpair tcp:1", "illegal sockpair<af:sip:sport:tip:tport> specified"),
        ("-l --syncid 256", "illegal syncid specified"),
        ("-l -C", "invalid option `-C'"),
        ("-ln word", "unexpected argument word"),
        ("--set 1 2", "--set option requires 3 timeout values"),
        ("--set 1 2 x", "invalid timeout value `x' specified"),
        ("--set 1 2 3 4", "unexpected argument 4"),
        ("--start-daemon maybe", "illegal start-daemon parameter specified"),
        ("--stop-daemon maybe", "illegal start_daemon specified"),
    ],
)
def test_usage_errors_exit_2(line: str, complaint: str) -> None:
    fake = FakeClient()
    outcome = run_fake(line, fake)
    assert (outcome.stdout, outcome.stderr, outcome.status) == ("", complaint + "\n", 2)
    assert not fake.changes


@pytest.mark.parametrize("line", ["-x 5", "-t 192.0.2.1:80 -A", "--bogus", "words only", "--lis"])
def test_without_a_command_first_the_help_is_named(line: str) -> None:
    outcome = run_fake(line, FakeClient())
    assert (outcome.stdout, outcome.stderr, outcome.status) == ("", TRY_HELP, 255)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [("-l --bogus", "--bogus: unknown option"), ("-A -t", "-t: missing argument")],
)
def test_popt_errors_exit_255(line: str, complaint: str) -> None:
    outcome = run_fake(line, FakeClient())
    assert (outcome.stderr, outcome.status) == (complaint + "\n", 255)


@pytest.mark.parametrize("line", ["--set 1 2 3", "--start-daemon master", "--stop-daemon backup --syncid 1"])
def test_dead_commands(line: str) -> None:
    outcome = run_fake(line, FakeClient())
    assert (outcome.stdout, outcome.stderr, outcome.status) == ("", "Bad file descriptor\n", 255)


def test_untracked_options_pass_with_every_command() -> None:
    assert (
        one_change("-C --sort --sort --quic --conn-timeout 5 --proxy-protocol v1 --dest-check tcp")[0]
        == MessageId.FLUSH
    )


def test_version_and_help() -> None:
    version = run_fake("-v", FakeClient())
    assert version.stdout == "ipvsadm v1.27 2008/5/15 (compiled with popt and IPVS v1.9.2)\n"
    help_ = run_fake("-h", FakeClient())
    assert help_.stdout.startswith(version.stdout + "Usage:\n  ipvsadm -A|E ")
    assert (version.status, help_.status) == (0, 0)


@pytest.mark.parametrize("line", ["-h", "-ln", "-C", "--bogus"])
def test_without_a_daemon_nothing_works(line: str) -> None:
    outcome = run_fake(line, FakeClient(unreachable=ConnectionFailed(errno.ENOENT, setting=False)))
    assert outcome.stdout == ""
    assert outcome.stderr == (
        "[dpvs_getsockopt] scoket msg connection error: No such file or directory\n"
        "Can't initialize ipvs: No such file or directory\n"
        "Are you sure that dpvs is running?\n"
    )
    assert outcome.status == 2


def test_permission_is_worded_upstreams_way() -> None:
    outcome = run_fake("-l", FakeClient(unreachable=ConnectionFailed(errno.EPERM, setting=False)))
    assert "Can't initialize ipvs: Permission denied (you must be root)\n" in outcome.stderr


class LostConnection(FakeClient):
    def call(self, message: object, request: object) -> None:
        raise ShortReply(0, 88, header=True)


def test_a_lost_connection_is_a_failure() -> None:
    outcome = run_fake("-C", LostConnection())
    assert outcome.stderr == "[sockopt_msg_recv] socket msg header recv error -- 0/88 recieved\nSuccess\n"
    assert outcome.status == 255


def test_legality_reports_the_first_offender_in_its_own_order() -> None:
    given = {Tracked.ALLOW, Tracked.WEIGHT, Tracked.SERVICE}
    with pytest.raises(Exception, match="Illegal 'weight' option with the 'delete-service' command"):
        check_legality(Command.DELETE_SERVICE, given)
