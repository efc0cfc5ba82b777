"""What `-h` and `-v` print."""

from __future__ import annotations

VERSION_LINE = "ipvsadm v1.27 2008/5/15 (compiled with popt and IPVS v1.9.2)\n"
"""The tool's own version, frozen as upstream's is; the daemon's stands above every listing."""

_SERVICE = "-t|u|q|1|f|H service-address"
_FORMS = (
    f"-A|E {_SERVICE} [-s scheduler] [-p [timeout]] [-M netmask] [-j enable|disable] [options]",
    f"-D {_SERVICE}",
    "-C",
    "-R",
    "-S [-n]",
    f"-P|Q {_SERVICE} -z local-address -F device",
    f"-G [{_SERVICE}] [--cpu index]",
    f"-U|V {_SERVICE} -k denied-address",
    f"-O|Y {_SERVICE} -2 allowed-address",
    f"-B|W [{_SERVICE}]",
    f"-a|e {_SERVICE} -r server-address [options]",
    f"-d {_SERVICE} -r server-address",
    "-L|l [options]",
    f"-Z [{_SERVICE}]",
    "--set tcp tcpfin udp",
    "--start-daemon state [--mcast-interface device] [--syncid id]",
    "--stop-daemon state",
    "-h",
)

_TABLES = """
Commands, short or long:
  -A  --add-service       create a virtual service
  -E  --edit-service      change one; conn-timeout, proxy-protocol and dest-check, if not repeated,
                          return to their defaults
  -D  --delete-service    delete one, with its servers, local addresses and lists
  -C  --clear             delete all services
  -a  --add-server        add a real server
  -e  --edit-server       replace a real server; what is not repeated returns to its default
  -d  --delete-server     delete a real server
  -P  --add-laddr         add a local address (FullNAT)
  -Q  --del-laddr         delete a local address
  -G  --get-laddr         show local addresses
  -U  --add-blklst        deny a client address or ipset
  -V  --del-blklst        stop denying it
  -B  --get-blklst        show what is denied
  -O  --add-whtlst        allow a client address or ipset, and no other
  -Y  --del-whtlst        stop allowing it
  -W  --get-whtlst        show what is allowed
  -L  --list, -l          show services, or connections with -c
  -Z  --zero              zero the counters of a service or of all
  -S  --save              write services and servers as commands
  -R  --restore           carry out commands from stdin
  -h  --help              this text
  -v  --version           the version line
      --set, --start-daemon, --stop-daemon
                          known for compatibility, always fail

Which service:
  -t  --tcp-service ADDR:PORT       IPv6 addresses in brackets
  -u  --udp-service ADDR:PORT
      --sctp-service ADDR:PORT
  -q  --icmp-service ADDR:PORT
  -1  --icmpv6-service ADDR:PORT
  -f  --fwmark-service NUMBER       above 0; -6 (--ipv6) behind it for IPv6
  -H  --match MATCH                 proto=,src-range=,dst-range=,iif=,oif= in any order; af= if without ranges

Service options:
  -s  --scheduler NAME              rr wrr wlc conhash mh fo; without it wlc
  -p  --persistent [SECONDS]        without a number 360
  -M  --netmask MASK                granularity of persistence
  -o  --ops                         one packet per connection (UDP)
  -j  --synproxy enable|disable     answer SYNs with cookies
      --hash-target sip|qid         what conhash looks at: source address, QUIC connection id
      --conn-timeout SECONDS        idle time of established connections, 0 for the daemon's
      --proxy-protocol WORD         disable v1 v2 v1-insecure v2-insecure
      --expire-quiescent            drop the connections of servers that are gone or have weight 0
      --dest-check CHECK            disable, default, tcp, udp, sctp, ping, or values of the passive check:
                                    down,up,WAITs,MIN-MAXs or down,WAITs; may repeat
      --quic                        a QUIC service (UDP)

Server options:
  -r  --real-server HOST[:PORT]     without a port the service's
  -b  --fullnat                     FullNAT
  -g  --gatewaying                  direct routing, the default
  -i  --ipip                        tunnel
  -m  --masquerading                NAT
  -J  --snat                        SNAT
  -w  --weight NUMBER               0 to 65535; without it 1
  -x  --u-threshold NUMBER          no new connections from here on
  -y  --l-threshold NUMBER          new ones again below this

Addresses of -P, -Q, -U, -V, -O, -Y:
  -z  --laddr ADDR                  local address
  -F  --ifname DEVICE               the device that gets it
  -k  --blklst ADDR|ipset:NAME
  -2  --whtlst ADDR|ipset:NAME

Listing options:
  -n  --numeric                     no names
  -c  --connection                  connections
      --sockpair PROTO:SIP:SPORT:TIP:TPORT
                                    with -c: this connection only
      --persistent-conn             with -c: persistence templates; otherwise their numbers
      --stats, --rate               counters, rates per second
      --thresholds                  limits of connections
  -X  --exact                       numbers in full
      --nosort                      the daemon's order
      --sort                        the default
      --cpu INDEX                   of one worker, 0 for the sum
      --timeout, --daemon           known for compatibility, always fail
"""


def usage(program: str) -> str:
    """The whole help."""
    forms = "".join(f"  {program} {form}\n" for form in _FORMS)
    return f"{VERSION_LINE}Usage:\n{forms}{_TABLES}"
