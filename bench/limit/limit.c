// SPDX-License-Identifier: Apache-2.0
//
// The limit: what one ADD or DEL of bridge + host-local, dual stack, costs when nothing is done but the kernel's own work.
// The requests are those a CNI plugin must make; there is no JSON, no runtime, no second process. One call is one process, as a plugin's.
//
//   limit add NETNS DATADIR BRIDGE V4 V6 [masq]      V4 is in 10.88.0.0/16, V6 in fd88::/64; the gateways are the first addresses
//   limit del NETNS DATADIR BRIDGE V4 V6 [masq]
//
// rtnetlink(7), netlink(7), veth(4); attribute layouts: include/uapi/linux/{if_link,veth,rtnetlink}.h.
#define _GNU_SOURCE
#include "limit.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/stat.h>

static char *netns, *data, *bridge, *v4, *v6;
static int host, container, netns_fd;   // two sockets and the container's namespace

struct link { int index; unsigned char mac[6], state; };

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return;   // a sysctl may be absent, as for a plugin
    if (write(fd, text, strlen(text)) < 0)
        die(path);
    close(fd);
}

// Reads before it writes: a plugin turns forwarding on only where it is off.
static void ensure_one(const char *path)
{
    char value = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, &value, 1) != 1)
        die(path);
    close(fd);
    if (value != '1')
        write_file(path, "1");
}

static int on_link(const struct nlmsghdr *message, void *context)
{
    struct link *link = context;
    const struct ifinfomsg *info = NLMSG_DATA(message);
    int left = IFLA_PAYLOAD(message);
    link->index = info->ifi_index;
    for (struct rtattr *at = IFLA_RTA(info); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
        if (at->rta_type == IFLA_ADDRESS && RTA_PAYLOAD(at) == 6)
            memcpy(link->mac, RTA_DATA(at), 6);
        if (at->rta_type == IFLA_OPERSTATE)
            link->state = *(unsigned char *)RTA_DATA(at);
    }
    return 0;
}

static int get_link(int fd, const char *name, struct link *link)
{
    struct batch batch = { 0 };
    struct ifinfomsg info = { 0 };
    begin(&batch, RTM_GETLINK, 0, &info, sizeof info);
    put(&batch, IFLA_IFNAME, name, strlen(name) + 1);
    end(&batch);
    memset(link, 0, sizeof *link);
    return exchange(fd, &batch, on_link, link);
}

static int on_address(const struct nlmsghdr *message, void *context)
{
    const struct ifaddrmsg *address = NLMSG_DATA(message);
    if (address->ifa_scope == RT_SCOPE_UNIVERSE)
        *(int *)context |= address->ifa_family == AF_INET ? 1 : 2;
    return 0;
}

static int parse(const char *text, unsigned char *bytes)
{
    int family = strchr(text, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(family, text, bytes) != 1)
        die(text);
    return family;
}

static void put_address(struct batch *batch, const char *text, int prefix, int index)
{
    unsigned char bytes[16];
    int family = parse(text, bytes);
    struct ifaddrmsg address = { .ifa_family = family, .ifa_prefixlen = prefix, .ifa_index = index };
    begin(batch, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &address, sizeof address);
    put(batch, IFA_LOCAL, bytes, family == AF_INET ? 4 : 16);
    put(batch, IFA_ADDRESS, bytes, family == AF_INET ? 4 : 16);
    end(batch);
}

static void put_default_route(struct batch *batch, const char *gateway, int index)
{
    unsigned char bytes[16];
    int family = parse(gateway, bytes);
    struct rtmsg route = { .rtm_family = family, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT, .rtm_type = RTN_UNICAST };
    begin(batch, RTM_NEWROUTE, NLM_F_CREATE, &route, sizeof route);
    put(batch, RTA_GATEWAY, bytes, family == AF_INET ? 4 : 16);
    put(batch, RTA_OIF, &index, sizeof index);
    end(batch);
}

static void put_up(struct batch *batch, int index)
{
    struct ifinfomsg info = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
    begin(batch, RTM_NEWLINK, 0, &info, sizeof info);
    end(batch);
}

static void create_bridge(void)
{
    struct batch batch = { 0 };
    struct ifinfomsg info = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
    begin(&batch, RTM_NEWLINK, NLM_F_CREATE, &info, sizeof info);
    put(&batch, IFLA_IFNAME, bridge, strlen(bridge) + 1);
    int kind = nest(&batch, IFLA_LINKINFO);
    put(&batch, IFLA_INFO_KIND, "bridge", 7);
    unnest(&batch, kind);
    end(&batch);
    if (exchange(host, &batch, NULL, NULL) != 0)
        die("create the bridge");
}

// Without them the kernel makes one for each processor that there could be, and uses the first.
static void put_queues(struct batch *batch)
{
    uint32_t one = 1;
    put(batch, IFLA_NUM_TX_QUEUES, &one, sizeof one);
    put(batch, IFLA_NUM_RX_QUEUES, &one, sizeof one);
}

// ip link add HOSTNAME numtxqueues 1 numrxqueues 1 master BRIDGE up type veth peer name eth0 numtxqueues 1 numrxqueues 1 netns NETNS
static void create_veth(const char *name, int master)
{
    struct batch batch = { 0 };
    struct ifinfomsg info = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP }, peer = { 0 };
    begin(&batch, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
    put(&batch, IFLA_IFNAME, name, strlen(name) + 1);
    put(&batch, IFLA_MASTER, &master, sizeof master);
    put_queues(&batch);
    int kind = nest(&batch, IFLA_LINKINFO);
    put(&batch, IFLA_INFO_KIND, "veth", 5);
    int values = nest(&batch, IFLA_INFO_DATA), other = nest(&batch, VETH_INFO_PEER);
    append(&batch, &peer, sizeof peer);
    put(&batch, IFLA_IFNAME, "eth0", 5);
    put_queues(&batch);
    put(&batch, IFLA_NET_NS_FD, &netns_fd, sizeof netns_fd);
    unnest(&batch, other);
    unnest(&batch, values);
    unnest(&batch, kind);
    end(&batch);
    if (exchange(host, &batch, NULL, NULL) != 0)
        die("create the veth pair");
}

// What host-local leaves behind: a file an address, the last address of each range, all under the directory's lock.
static void reserve(const char *address, int range)
{
    char path[512], last[512];
    snprintf(path, sizeof path, "%s/%s", data, address);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || dprintf(fd, "%s\r\neth0", address) < 0)
        die(path);
    close(fd);
    snprintf(last, sizeof last, "%s/last_reserved_ip.%d", data, range);
    write_file(last, address);
}

static void with_lock(int add)
{
    char path[512];
    snprintf(path, sizeof path, "%s/lock", data);
    int lock = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0750);
    if (lock < 0 || flock(lock, LOCK_EX) != 0)
        die(path);
    if (add) {
        reserve(v4, 0);
        reserve(v6, 1);
    } else {
        snprintf(path, sizeof path, "%s/%s", data, v4);
        unlink(path);
        snprintf(path, sizeof path, "%s/%s", data, v6);
        unlink(path);
    }
    close(lock);
}

static void open_sockets(void)
{
    host = open_netlink(NETLINK_ROUTE);
    netns_fd = open(netns, O_RDONLY | O_CLOEXEC);
    int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (netns_fd < 0 || own < 0 || setns(netns_fd, CLONE_NEWNET) != 0)
        die(netns);
    container = open_netlink(NETLINK_ROUTE);
    if (setns(own, CLONE_NEWNET) != 0)   // back: nf_tables and the host's sysctls come later
        die("setns");
    close(own);
}

// /proc/sys/net follows the caller's namespace, so the container's settings need a visit.
static void container_sysctls(void)
{
    int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (own < 0 || setns(netns_fd, CLONE_NEWNET) != 0)
        die(netns);
    write_file("/proc/sys/net/ipv6/conf/eth0/accept_dad", "0");
    write_file("/proc/sys/net/ipv6/conf/eth0/keep_addr_on_down", "1");
    write_file("/proc/sys/net/ipv4/conf/eth0/arp_notify", "1");
    if (setns(own, CLONE_NEWNET) != 0)
        die("setns");
    close(own);
}

static void add(int masquerade)
{
    char name[IFNAMSIZ], path[128];
    struct link port, master, inner;
    struct batch batch = { 0 };
    int families = 0;

    with_lock(1);
    open_sockets();
    if (get_link(host, bridge, &master) != 0) {
        create_bridge();
        get_link(host, bridge, &master);
    }
    snprintf(name, sizeof name, "veth%08x", (unsigned)getpid());
    create_veth(name, master.index);
    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/accept_ra", name);
    write_file(path, "0");
    container_sysctls();

    get_link(container, "eth0", &inner);
    put_up(&batch, inner.index);
    put_address(&batch, v4, 16, inner.index);
    put_address(&batch, v6, 64, inner.index);
    put_default_route(&batch, "10.88.0.1", inner.index);
    put_default_route(&batch, "fd88::1", inner.index);
    if (exchange(container, &batch, NULL, NULL) != 0)
        die("configure the container's interface");

    struct batch query = { 0 };
    struct ifaddrmsg which = { .ifa_index = master.index };
    begin(&query, RTM_GETADDR, NLM_F_DUMP, &which, sizeof which);
    end(&query);
    exchange(host, &query, on_address, &families);
    if (families != 3) {
        struct batch gateways = { 0 };
        put_address(&gateways, "10.88.0.1", 16, master.index);
        put_address(&gateways, "fd88::1", 64, master.index);
        exchange(host, &gateways, NULL, NULL);   // another call may have been first
    }
    ensure_one("/proc/sys/net/ipv4/ip_forward");
    ensure_one("/proc/sys/net/ipv6/conf/all/forwarding");
    if (masquerade)
        masquerade_add(v4, v6);
    get_link(host, name, &port);
    get_link(host, bridge, &master);
    printf("%s %d %d\n", name, port.index, port.state);
}

static void del(int masquerade)
{
    struct batch batch = { 0 };
    struct ifinfomsg info = { 0 };
    open_sockets();
    if (masquerade)
        masquerade_del(v4);
    begin(&batch, RTM_DELLINK, 0, &info, sizeof info);
    put(&batch, IFLA_IFNAME, "eth0", 5);
    end(&batch);
    if (exchange(container, &batch, NULL, NULL) != 0)
        die("delete eth0");
    with_lock(0);
}

int main(int count, char **arguments)
{
    if (count < 7)
        die("usage: limit add|del NETNS DATADIR BRIDGE V4 V6 [masq]");
    netns = arguments[2];
    data = arguments[3];
    bridge = arguments[4];
    v4 = arguments[5];
    v6 = arguments[6];
    int masquerade = count > 7;
    if (strcmp(arguments[1], "add") == 0)
        add(masquerade);
    else
        del(masquerade);
    return 0;
}
