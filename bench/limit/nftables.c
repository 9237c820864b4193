// SPDX-License-Identifier: Apache-2.0
// The masquerade transaction of a dual-stack attachment, over one nfnetlink socket.
// Attribute layouts: include/uapi/linux/netfilter/nf_tables.h.
#include "limit.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>

#define TABLE "cni_plugins_masquerade"
#define CHECKS "masq_checks"
#define POST "postrouting"
#define MESSAGE(type) ((NFNL_SUBSYS_NFTABLES << 8) | (type))

static struct batch batch;

static void put_text(int type, const char *text) { put(&batch, type, text, strlen(text) + 1); }

static void put_number(int type, uint32_t value)
{
    value = htonl(value);
    put(&batch, type, &value, sizeof value);
}

static void bracket(int type)
{
    struct nfgenmsg head = { .nfgen_family = AF_UNSPEC, .res_id = htons(NFNL_SUBSYS_NFTABLES) };
    begin(&batch, type, NLM_F_REQUEST, &head, sizeof head);
    end(&batch);
}

static void object(int type, int flags)
{
    struct nfgenmsg head = { .nfgen_family = NFPROTO_INET };
    begin(&batch, MESSAGE(type), flags, &head, sizeof head);
}

static int outer;

static int expression(const char *name)
{
    outer = nest(&batch, NFTA_LIST_ELEM);
    put_text(NFTA_EXPR_NAME, name);
    return nest(&batch, NFTA_EXPR_DATA);
}

static void close_expression(int at)
{
    unnest(&batch, at);
    unnest(&batch, outer);
}

static void data(int type, const void *value, size_t size)
{
    int at = nest(&batch, type);
    put(&batch, NFTA_DATA_VALUE, value, size);
    unnest(&batch, at);
}

static void compare(int operation, const void *value, size_t size)
{
    int at = expression("cmp");
    put_number(NFTA_CMP_SREG, NFT_REG_1);
    put_number(NFTA_CMP_OP, operation);
    data(NFTA_CMP_DATA, value, size);
    close_expression(at);
}

static void family_is(unsigned char family)
{
    int at = expression("meta");
    put_number(NFTA_META_DREG, NFT_REG_1);
    put_number(NFTA_META_KEY, NFT_META_NFPROTO);
    close_expression(at);
    compare(NFT_CMP_EQ, &family, 1);
}

static void load_header(int offset, int size)
{
    int at = expression("payload");
    put_number(NFTA_PAYLOAD_DREG, NFT_REG_1);
    put_number(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
    put_number(NFTA_PAYLOAD_OFFSET, offset);
    put_number(NFTA_PAYLOAD_LEN, size);
    close_expression(at);
}

static void verdict(int code, const char *chain)
{
    int at = expression("immediate");
    put_number(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    int value = nest(&batch, NFTA_IMMEDIATE_DATA), inner = nest(&batch, NFTA_DATA_VERDICT);
    put_number(NFTA_VERDICT_CODE, code);
    if (chain != NULL)
        put_text(NFTA_VERDICT_CHAIN, chain);
    unnest(&batch, inner);
    unnest(&batch, value);
    close_expression(at);
}

static int begin_rule(const char *chain)
{
    object(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
    put_text(NFTA_RULE_TABLE, TABLE);
    put_text(NFTA_RULE_CHAIN, chain);
    return nest(&batch, NFTA_RULE_EXPRESSIONS);
}

// ip daddr 224.0.0.0/4 return
static void skip_multicast(unsigned char family, int offset, unsigned char mask, unsigned char value)
{
    unsigned char zero = 0;
    int at = begin_rule(POST);
    family_is(family);
    load_header(offset, 1);
    int bits = expression("bitwise");
    put_number(NFTA_BITWISE_SREG, NFT_REG_1);
    put_number(NFTA_BITWISE_DREG, NFT_REG_1);
    put_number(NFTA_BITWISE_LEN, 1);
    data(NFTA_BITWISE_MASK, &mask, 1);
    data(NFTA_BITWISE_XOR, &zero, 1);
    close_expression(bits);
    compare(NFT_CMP_EQ, &value, 1);
    verdict(NFT_RETURN, NULL);
    unnest(&batch, at);
    end(&batch);
}

// ip saddr ADDRESS ip daddr != NETWORK/LENGTH masquerade comment ADDRESS; whole bytes of prefix need no mask
static void masquerade(const char *address, int family, const char *owner)
{
    unsigned char bytes[16], comment[64] = { 0 };
    int v6 = family == AF_INET6;
    inet_pton(family, address, bytes);
    int at = begin_rule(CHECKS);
    family_is(v6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
    load_header(v6 ? 8 : 12, v6 ? 16 : 4);
    compare(NFT_CMP_EQ, bytes, v6 ? 16 : 4);
    load_header(v6 ? 24 : 16, v6 ? 8 : 2);
    compare(NFT_CMP_NEQ, bytes, v6 ? 8 : 2);
    close_expression(expression("masq"));
    unnest(&batch, at);
    comment[1] = strlen(owner) + 1;   // libnftnl's udata: type 0 is the comment, then its length
    strcpy((char *)comment + 2, owner);
    put(&batch, NFTA_RULE_USERDATA, comment, comment[1] + 2);
    end(&batch);
}

static void chain(const char *name, int hooked)
{
    object(NFT_MSG_NEWCHAIN, NLM_F_CREATE);
    put_text(NFTA_CHAIN_TABLE, TABLE);
    put_text(NFTA_CHAIN_NAME, name);
    if (hooked) {
        int at = nest(&batch, NFTA_CHAIN_HOOK);
        put_number(NFTA_HOOK_HOOKNUM, NF_INET_POST_ROUTING);
        put_number(NFTA_HOOK_PRIORITY, NF_IP_PRI_NAT_SRC);
        unnest(&batch, at);
        put_text(NFTA_CHAIN_TYPE, "nat");
    }
    end(&batch);
}

static int on_count(const struct nlmsghdr *message, void *context)
{
    (void)message;
    ++*(int *)context;
    return 0;
}

static int list_rules(int fd, const char *name, on_message handler, void *context)
{
    memset(&batch, 0, sizeof batch);
    object(NFT_MSG_GETRULE, NLM_F_DUMP);
    put_text(NFTA_RULE_TABLE, TABLE);
    put_text(NFTA_RULE_CHAIN, name);
    end(&batch);
    return exchange(fd, &batch, handler, context);
}

// The base chain is filled only where it is empty. To refill it on each ADD, as the reference plugins do, would delete three rules, and
// closing the socket then waits for the RCU grace period that frees them (net/netfilter/nf_tables_api.c, nft_rcv_nl_event): 10 to 15 ms.
void masquerade_add(const char *v4, const char *v6)
{
    int fd = open_netlink(NETLINK_NETFILTER), present = 0;
    list_rules(fd, POST, on_count, &present);
    memset(&batch, 0, sizeof batch);
    bracket(NFNL_MSG_BATCH_BEGIN);
    if (present == 0) {
        object(NFT_MSG_NEWTABLE, NLM_F_CREATE);
        put_text(NFTA_TABLE_NAME, TABLE);
        end(&batch);
        chain(CHECKS, 0);
        chain(POST, 1);
        skip_multicast(NFPROTO_IPV4, 16, 0xf0, 0xe0);
        skip_multicast(NFPROTO_IPV6, 24, 0xff, 0xff);
        int at = begin_rule(POST);
        verdict(NFT_GOTO, CHECKS);
        unnest(&batch, at);
        end(&batch);
    }
    masquerade(v4, AF_INET, v4);
    masquerade(v6, AF_INET6, v4);
    bracket(NFNL_MSG_BATCH_END);
    if (exchange(fd, &batch, NULL, NULL) != 0)
        die("nf_tables transaction");
    close(fd);
}

struct found { const char *owner; uint64_t handles[8]; int count; };

static int on_rule(const struct nlmsghdr *message, void *context)
{
    struct found *found = context;
    uint64_t handle = 0;
    int mine = 0, left = message->nlmsg_len - NLMSG_LENGTH(sizeof(struct nfgenmsg));
    char *next = (char *)NLMSG_DATA(message) + sizeof(struct nfgenmsg);
    while (left >= (int)sizeof(struct nlattr)) {
        struct nlattr *at = (void *)next;
        char *value = next + sizeof *at;
        if ((at->nla_type & NLA_TYPE_MASK) == NFTA_RULE_HANDLE)
            memcpy(&handle, value, sizeof handle);
        if ((at->nla_type & NLA_TYPE_MASK) == NFTA_RULE_USERDATA)
            mine = strcmp(value + 2, found->owner) == 0;
        next += NLMSG_ALIGN(at->nla_len);
        left -= NLMSG_ALIGN(at->nla_len);
    }
    if (mine && found->count < 8)
        found->handles[found->count++] = handle;
    return 0;
}

// Leaves its socket open: the rules are freed after a grace period, which the deletion of the link that follows waits for anyway.
void masquerade_del(const char *v4)
{
    struct found found = { .owner = v4 };
    int fd = open_netlink(NETLINK_NETFILTER);
    list_rules(fd, CHECKS, on_rule, &found);
    memset(&batch, 0, sizeof batch);
    bracket(NFNL_MSG_BATCH_BEGIN);
    for (int i = 0; i < found.count; i++) {
        object(NFT_MSG_DELRULE, 0);
        put_text(NFTA_RULE_TABLE, TABLE);
        put_text(NFTA_RULE_CHAIN, CHECKS);
        put(&batch, NFTA_RULE_HANDLE, &found.handles[i], sizeof found.handles[i]);
        end(&batch);
    }
    bracket(NFNL_MSG_BATCH_END);
    if (found.count > 0 && exchange(fd, &batch, NULL, NULL) != 0)
        die("nf_tables transaction");
}
