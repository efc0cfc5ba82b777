"""What `keepalived --help` prints."""

from __future__ import annotations

USAGE = """\
Usage: {program} [OPTION...]
  -f, --use-file=FILE          configuration file (/etc/keepalived/keepalived.conf)
  -P, --vrrp                   VRRP only, no services and checks
  -C, --check                  services and checks only, no VRRP
      --all                    start both processes, whatever is configured
  -n, --dont-fork              stay in the foreground
  -l, --log-console            with -n: log to stderr as well
  -D, --log-detail             more messages; twice: still more
  -S, --log-facility=[0-7]     syslog facility LOCAL0 to LOCAL7 (daemon)
  -G, --no-syslog              do not log to syslog
  -g, --log-file[=FILE]        log to a file as well (/tmp/keepalived.log)
  -p, --pid=FILE               pid file of the parent (/run/keepalived.pid)
  -r, --vrrp_pid=FILE          pid file of the VRRP process (/run/vrrp.pid)
  -c, --checkers_pid=FILE      pid file of the checker process (/run/checkers.pid)
  -i, --config-id=ID           what `@ID` lines are for (host name)
  -t, --config-test[=FILE]     check the configuration and exit; messages to stderr or FILE
  -d, --dump-conf              log the configuration
  -V, --dont-release-vrrp      leave addresses and routes when stopping
  -I, --dont-release-ipvs      leave services when stopping
  -R, --dont-respawn           end when a child process ends
  -u, --umask=MASK             umask for new files
      --signum=NAME            print the number of the signal for STOP, RELOAD, DATA or STATS, and exit
  -v, --version                print the version, and exit
  -h, --help                   print this text, and exit
Accepted without effect:
  -X, --release-vips  -a, --address-monitoring  -m, --core-dump  -M, --core-dump-pattern[=PATTERN]
  -s, --namespace=NAME  -B, --no_bfd  -b, --bfd_pid=FILE  -x, --snmp  -A, --snmp-agent-socket=FILE
  --flush-log-file  --perf[=TYPE]  --debug[=WHAT]
"""
