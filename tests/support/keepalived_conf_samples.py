"""keepalived.conf files: as DPVS's operators have them, in the style of its tutorial, and with every keyword used."""

from __future__ import annotations

BALANCER = """
! A FullNAT balancer: one virtual router, an IPv4 service, and an IPv6 service in front of the same servers.
global_defs {
    script_user root
    enable_script_security
}

local_address_group laddr_g1 {
    192.168.88.240 dpdk0.102    # towards the servers
    192.168.88.241 dpdk0.102
}

vrrp_instance vrrp_instance_107 {
    state MASTER
    interface dpdk0.102.kni
    dpdk_interface dpdk0.102
    higher_prio_send_advert
    garp_lower_prio_repeat 3
    garp_master_refresh 30
    garp_master_refresh_repeat 1
    virtual_router_id 107
    priority 100
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 12345
    }
    virtual_ipaddress {
        192.168.88.1
    }
    virtual_ipaddress_excluded {
        2001::1
    }
}

virtual_server_group 192.168.88.1-80-TCP_QLB {
    192.168.88.1 80
}
virtual_server group 192.168.88.1-80-TCP_QLB {
    delay_loop 3
    lb_algo rr
    lb_kind FNAT
    protocol TCP
    establish_timeout 60
    daddr_group_name 192.168.88.1_deny
    laddr_group_name laddr_g1
    real_server 192.168.88.30 80 {
        weight 100
        inhibit_on_failure
        TCP_CHECK {
            retry 1
            connect_timeout 1
            connect_port 80
        }
    }
    real_server 192.168.88.130 80 {
        weight 100
        inhibit_on_failure
        TCP_CHECK {
            retry 1
            connect_timeout 1
            connect_port 80
        }
    }
}

virtual_server_group 2001::1-80-TCP_QLB {
    2001::1 80
}
virtual_server group 2001::1-80-TCP_QLB {
    delay_loop 3
    lb_algo conhash
    lb_kind FNAT
    protocol TCP
    daddr_group_name 2001::1_deny
    laddr_group_name laddr_g1
    real_server 192.168.88.30 80 {
        weight 100
        TCP_CHECK {
            nb_sock_retry 2
            connect_port 80
        }
    }
    real_server 192.168.88.30 8080 {
        weight 100
        TCP_CHECK {
            connect_port 8080
        }
    }
}

deny_address_group 192.168.88.1_deny {
}
deny_address_group 2001::1_deny {
}
"""

OUTBOUND = """
global_defs {
    vrrp_garp_master_repeat 1
    vrrp_garp_master_delay 1
    vrrp_garp_master_refresh 600
    vrrp_garp_master_refresh_repeat 1
}
vrrp_instance VI_1 {
    state BACKUP
    interface dpdk0.kni
    dpdk_interface dpdk0
    virtual_router_id 123
    priority 80
    advert_int 1
    virtual_ipaddress {
        192.168.100.254
    }
}
virtual_server match SNAT1 {
    protocol UDP
    lb_algo rr
    lb_kind SNAT
    src-range 192.168.100.0-192.168.100.254
    oif dpdk1
    delay_loop 3
    alpha
    omega
    quorum 1
    quorum_up "dpip addr add 123.1.2.2/32 dev dpdk1"
    quorum_down "dpip addr del 123.1.2.2/32 dev dpdk1"
    real_server 123.1.2.2 0 {
        weight 4
        MISC_CHECK {
            misc_path "exit 0"
            misc_timeout 10
        }
    }
}
virtual_server match SNAT2 {
    protocol ICMP
    lb_algo wrr
    lb_kind SNAT
    src-range 192.168.100.0-192.168.100.254
    dst-range 123.1.2.0-123.1.2.254
    oif dpdk1
    iif dpdk0
    delay_loop 3
    real_server 123.1.2.2 0 {
        weight 4
    }
}
tunnel_group tunnel_gre {
    tunnel_entry gre100 {
        kind gre
        local 10.62.5.10
        remote 10.62.5.20
    }
}
"""

EVERYTHING = """
$PORT=80
instance lb
use_pid_dir
child_wait_time 7
global_defs {
    router_id "the balancer"
    notification_email {
        ops@example.org
    }
    notification_email_from lb@example.org
    smtp_server 192.0.2.25 2525
    smtp_connect_timeout 5
    smtp_helo_name lb
    smtp_alert on
    script_user nobody nogroup
    enable_script_security
    vrrp_version 2
    vrrp_mcast_group4 224.0.0.18
    vrrp_garp_master_delay 1
    vrrp_garp_interval 0.01
    vrrp_startup_delay 1.5
    dynamic_interfaces allow_if_changes
    lvs_flush
    lvs_flush_onstop VS
    notify_fifo /run/notify.fifo root
    notify_fifo_script "/bin/reader -v"
}
vrrp_script chk {
    script "/usr/bin/pgrep -x 'a b'"
    interval 2
    timeout 1
    weight -20 reverse
    rise 2
    fall 3
    user nobody
    init_fail
}
track_file level {
    file /run/level
    weight 2
    init_file 3 overwrite
}
vrrp_track_process proxy {
    process haproxy -f x
    param_match initial
    quorum 1
    quorum_max 2
    delay 0.5
    weight 3
}
garp_group {
    garp_interval 0.5
    interfaces {
        dpdk0
        dpdk1
    }
}
vrrp_sync_group G {
    group {
        V4
        V6
    }
    track_script {
        chk weight 5
    }
    notify "/bin/notify all"
}
vrrp_instance V4 {
    state BACKUP
    interface dpdk0.kni
    dpdk_interface dpdk0
    virtual_router_id 10
    priority 150
    advert_int 2
    preempt_delay 3
    authentication {
        auth_type PASS
        auth_pass hush
    }
    unicast_src_ip 192.0.2.1
    unicast_peer {
        192.0.2.2
        192.0.2.3
    }
    track_interface {
        dpdk0.kni weight 10
    }
    track_file {
        level weight 1
    }
    track_process {
        proxy
    }
    virtual_ipaddress {
        198.51.100.1/24
        198.51.100.2/32
    }
    virtual_ipaddress_excluded {
        2001:db8::5
    }
    virtual_routes {
        203.0.113.0/24 via 198.51.100.254 dev dpdk0 metric 5
    }
    notify_master "/bin/notify master" nobody nogroup
    notify_stop /bin/stop
}
vrrp_instance V6 {
    interface dpdk0.kni
    dpdk_interface dpdk0
    virtual_router_id 10
    version 3
    advert_int 0.5
    virtual_ipaddress {
        fe80::1
        2001:db8::1/64
    }
}
local_address_group l {
    192.0.2.200-204 dpdk0
    2001:db8::f0-f3 dpdk0
}
deny_address_group d {
    203.0.113.7
    203.0.113.9-11
    ipset:bad
}
allow_address_group a {
    0.0.0.0
}
tunnel_group t {
    tunnel_entry gre1 {
        kind gre
        local 192.0.2.5
        remote 192.0.2.6
        if dpdk0
    }
}
virtual_server_group g {
    198.51.100.1 $PORT
    198.51.100.8-10 443
}
virtual_server group g {
    lb_algo mh
    mh-port
    lb_kind FNAT
    protocol TCP
    laddr_group_name l
    daddr_group_name d
    waddr_group_name a
    delay_loop 3
    establish_timeout 90
    syn_proxy
    expire_quiescent_conn
    proxy_protocol v2
    limit_proportion 80
    virtualhost www.example.org
    alpha
    omega
    quorum 2
    hysteresis 1
    quorum_up "/bin/up 1"
    quorum_down /bin/down nobody
    sorry_server 192.0.2.99 8080
    sorry_server_inhibit
    ~SEQ(N, 11, 13) $SERVER
    real_server 192.0.2.20 8080 {
        weight 3
        inhibit_on_failure
        uthreshold 100
        lthreshold 50
        notify_up "/bin/up a"
        notify_down "/bin/down 'a b'"
        HTTP_GET {
            url {
                path /health
                status_code 200 301-304
                digest 0123456789abcdef0123456789abcdef
                regex "it works"
                regex_options caseless dotall
                regex_min_offset 5
                regex_max_offset 500
            }
            url {
                path /other
                virtualhost other.example.org
            }
            http_protocol 1.1
            fast_recovery
            connect_timeout 2
        }
        SSL_GET {
            url {
                path /
            }
            enable_sni
            connect_port 443
        }
    }
}
virtual_server 2001:db8::1 53 {
    lb_algo conhash
    hash_target qid
    quic
    lb_kind FNAT
    protocol UDP
    persistence_timeout 60
    persistence_granularity 64
    real_server 2001:db8::53 53 {
        DNS_CHECK {
            type A
            name example.org
        }
        UDP_CHECK {
            payload "\\x01\\x02 hello"
            require_reply \\x03
            min_reply_length 1
            max_reply_length 512
        }
        PING_CHECK {
            bindto 2001:db8::9
            bind_if eth0
            fwmark 3
        }
        FILE_CHECK {
            track_file level
            weight 2 reverse
        }
        SMTP_CHECK {
            helo_name lb
            host {
                connect_ip 2001:db8::25
                connect_port 25
            }
        }
        MISC_CHECK {
            misc_path "/bin/check -x 'a b'"
            misc_timeout 3
            misc_dynamic
            user nobody
            retry 2
            delay_before_retry 1
            warmup 0
            log_all_failures
        }
    }
}
virtual_server match out {
    lb_algo wlc
    protocol ICMP
    src-range 192.0.2.0-192.0.2.254:1-1024
    iif dpdk0
    oif dpdk1
    real_server 203.0.113.1 0 {
    }
}
""".replace(
    "$PORT=80\n",
    "$PORT=80\n"
    "$SERVER= \\\n"
    "    real_server 192.0.2.${N} 80 { \\\n"
    "        weight ${N} \\\n"
    "        TCP_CHECK { connect_timeout 1 } \\\n"
    "    }\n",
)


def many_services(count: int, servers: int = 4) -> str:
    """A file of so many services, each with its group and its own servers."""
    lines = ["local_address_group laddrs {", "    192.168.88.240-250 dpdk0", "}"]
    for number in range(count):
        low = f"{number >> 16}.{number >> 8 & 255}.{number & 255}"
        lines.append(
            f"virtual_server_group 10.{low}-80-TCP {{\n    10.{low} 80\n}}\n"
            f"virtual_server group 10.{low}-80-TCP {{\n    delay_loop 3\n    lb_algo rr\n    lb_kind FNAT\n"
            "    protocol TCP\n    establish_timeout 60\n    laddr_group_name laddrs\n    alpha\n    omega\n"
            "    quorum 1\n    hysteresis 0"
        )
        lines += [
            f"    real_server {172 + server}.{low} 80 {{\n        weight 100\n        inhibit_on_failure\n"
            "        TCP_CHECK {\n            retry 1\n            connect_timeout 1\n            connect_port 80\n"
            "        }\n    }"
            for server in range(servers)
        ]
        lines.append("}")
    return "\n".join(lines)
