"""dpvs.conf in memory: a Source, and files to read through it."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

from xdpvs.config.dpvs_conf import LoadResult, load


class Files:
    """Files in memory."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def read(self, path: str) -> str:
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory")
        if self.files[path] == "unreadable":
            raise PermissionError(13, "Permission denied")
        return self.files[path]

    def glob(self, pattern: str) -> Sequence[str]:
        return sorted(fnmatch.filter(self.files, pattern))


def read(text: str, **others: str) -> LoadResult:
    included = {f"/etc/{name}.conf": content for name, content in others.items()}
    return load("/etc/dpvs.conf", Files({"/etc/dpvs.conf": text, **included}))


ALL_KEYWORDS = """
global_defs {
    log_level INFO
    log_file /var/log/x.log
    <init> log_async_mode on
    log_with_timestamp on
    log_async_pool_size 16383
    pdump on
    kni off
    lldp on
}
netif_defs {
    <init> pktpool_size 2097151 <65535, 1023-134217728>
    <init> pktpool_cache 256
    <init> fdir_mode Perfect
    <init> device dpdk0 {
        rx {
            queue_number 6
            descriptor_number 256
            rss ip|tcp
        }
        tx {
            queue_number 6
            descriptor_number 600
            mbuf_fast_free off
        }
        mtu 9000
        promisc_mode
        allmulticast
        kni_name k0
    }
    device dpdk1 {
    }
    <init> bonding bond0 {
        mode 4
        slave dpdk0
        slave dpdk1
        primary dpdk0
        numa_node 0
        kni_name bond0.kni
        options dedicated_queues=on
    }
}
worker_defs {
    worker cpu0 {
        type master
        cpu_id 0
    }
    worker cpu1 {
        type slave
        cpu_id 1
        icmp_redirect_core
        port dpdk0 {
            rx_queue_ids 0 1   # two
            tx_queue_ids 0
            isol_rx_cpu_ids 9 [invalid] 10
            isol_rxq_ring_sz 1048576
        }
    }
}
timer_defs {
    schedule_interval 500
}
neigh_defs {
    unres_queue_length 128
    timeout 61
}
ipset_defs {
    ipset_hash_pool_size 131072
}
ipv4_defs {
    forwarding on
    default_ttl 63
    fragment {
        bucket_number 4096
        bucket_entries 16
        max_entries 409600
        ttl 2
    }
}
ipv6_defs {
    disable on
    forwarding ON
    addr_gen_mode random
    stable_secret 0123456789abcdef0123456789ABCDEF
    route6 {
        method "lpm" <"hlist"/"lpm">
        recycle_time 11
        lpm {
            lpm6_max_rules 1000
            lpm6_num_tbl8s 4096
            rt6_array_size 65536
            rt6_hash_bucket 256
        }
    }
}
ctrl_defs {
    lcore_msg {
        ring_size 4096
        sync_msg_timeout_us 20000
        priority_level norm
    }
}
ipvs_defs {
    conn {
        conn_pool_size 2097152
        conn_pool_cache 256
        conn_init_timeout 4
        expire_quiescent_template
        fast_xmit_close
        redirect on
        xmit_ttl
    }
    udp {
        defence_udp_drop
        uoa_mode ipo
        uoa_max_trail 0
        timeout {
            oneway 60
            normal 301
            last 3
        }
    }
    tcp {
        defence_tcp_drop
        timeout {
            none 3
            established 91
            syn_sent 4
            syn_recv 31
            fin_wait 8
            time_wait 9
            close 4
            close_wait 10
            last_ack 11
            listen 121
            synack 32
            last 5
        }
        synproxy {
            synack_options {
                mss 1400
                ttl 60
                sack
                wscale 7
                timestamp
            }
            close_client_window
            defer_rs_syn
            rs_syn_max_retry 4
            ack_storm_thresh 11
            max_ack_saved 5
            conn_reuse_state {
                close
                time_wait
                fin_wait
                close_wait
                last_ack
            }
        }
    }
}
sa_pool {
    pool_hash_size 32
    flow_enable off
}
"""

SAMPLE = """
# A balancer with one port, one control core and two forwarding cores.
global_defs {
    log_level   WARNING
    # log_file  /var/log/dpvs.log
    lldp        on
}

netif_defs {
    <init> pktpool_size   1048575
    <init> pktpool_cache  256
    <init> fdir_mode      perfect
    <init> device dpdk0 {          ! the first -a
        rx {
            queue_number       2
            descriptor_number  1024
            rss                all
        }
        tx {
            queue_number       2
            descriptor_number  1024
        }
        kni_name  dpdk0.kni
    }
}

worker_defs {
    <init> worker cpu0 {
        type    master
        cpu_id  0
    }
    <init> worker cpu1 {
        type    slave
        cpu_id  1
        port dpdk0 {
            rx_queue_ids  0
            tx_queue_ids  0
        }
    }
    <init> worker cpu2 {
        type    slave
        cpu_id  2
        port dpdk0 {
            rx_queue_ids  1
            tx_queue_ids  1
        }
    }
}

timer_defs  {
    schedule_interval  500
}
neigh_defs  {
    <init> unres_queue_length  128
    timeout                    60
}
ipset_defs  {
    <init> ipset_hash_pool_size  131072
}

ipv4_defs {
    forwarding          off
    <init> default_ttl  64
    fragment {
        <init> bucket_number   4096
        <init> bucket_entries  16
        <init> max_entries     4096
        <init> ttl             1
    }
}
ipv6_defs {
    disable     off
    forwarding  off
    route6 {
        <init> method  hlist
        recycle_time   10
    }
}

ctrl_defs {
    lcore_msg {
        <init> ring_size     4096
        sync_msg_timeout_us  20000
        priority_level       low
    }
}

ipvs_defs {
    conn {
        <init> conn_pool_size   2097152
        <init> conn_pool_cache  256
        conn_init_timeout       3
    }
    udp {
        uoa_mode       opp
        uoa_max_trail  3
        timeout {
            oneway  60
            normal  300
            last    3
        }
    }
    tcp {
        timeout {
            none 2
            established 90
            syn_sent 3
            syn_recv 30
            fin_wait 7
            time_wait 7
            close 3
            close_wait 7
            last_ack 7
            listen 120
            synack 30
            last 2
        }
        synproxy {
            synack_options {
                mss  1452
                ttl  63
                sack
            }
            close_client_window
            rs_syn_max_retry   3
            ack_storm_thresh   10
            max_ack_saved      3
            conn_reuse_state {
                close
                time_wait
            }
        }
    }
}

sa_pool {
    pool_hash_size  16
    flow_enable     on
}
"""
