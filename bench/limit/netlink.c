// SPDX-License-Identifier: Apache-2.0
#include "limit.h"

void die(const char *what)
{
    fprintf(stderr, "limit: %s: %s\n", what, strerror(errno));
    exit(1);
}

int open_netlink(int protocol)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), one = 1;
    struct sockaddr_nl address = { .nl_family = AF_NETLINK };
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("netlink socket");
    setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof one);
    return fd;
}

void append(struct batch *batch, const void *bytes, size_t size)
{
    if (batch->length + size + 8 > sizeof batch->bytes) {
        errno = E2BIG;
        die("batch");
    }
    memcpy(batch->bytes + batch->length, bytes, size);
    batch->length += NLMSG_ALIGN(size);   // the buffer starts zeroed, so padding is zero
}

void begin(struct batch *batch, int type, int flags, const void *fixed, size_t size)
{
    // nf_tables wants a request for an answer of every message but the two that bracket a batch; those pass NLM_F_REQUEST alone.
    struct nlmsghdr header = { .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags, .nlmsg_seq = batch->count + 1 };
    if (!(flags & (NLM_F_DUMP | NLM_F_REQUEST))) {
        header.nlmsg_flags |= NLM_F_ACK;
        batch->count++;
    } else if ((flags & NLM_F_DUMP) == NLM_F_DUMP) {
        batch->count++;
    }
    batch->message = batch->length;
    append(batch, &header, sizeof header);
    append(batch, fixed, size);
}

void end(struct batch *batch)
{
    ((struct nlmsghdr *)(batch->bytes + batch->message))->nlmsg_len = batch->length - batch->message;
}

void put(struct batch *batch, int type, const void *value, size_t size)
{
    struct nlattr head = { .nla_len = sizeof head + size, .nla_type = type };
    append(batch, &head, sizeof head);
    append(batch, value, size);
}

int nest(struct batch *batch, int type)
{
    int at = batch->length;
    put(batch, type | NLA_F_NESTED, "", 0);
    return at;
}

void unnest(struct batch *batch, int at)
{
    ((struct nlattr *)(batch->bytes + at))->nla_len = batch->length - at;
}

int exchange(int fd, struct batch *batch, on_message handler, void *context)
{
    static char answer[65536];
    unsigned pending = batch->count;
    int result = 0;
    if (send(fd, batch->bytes, batch->length, 0) < 0)
        die("send");
    while (pending > 0) {
        ssize_t received = recv(fd, answer, sizeof answer, 0);
        if (received < 0)
            die("receive");
        int left = received;
        for (struct nlmsghdr *message = (void *)answer; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
            if (message->nlmsg_type == NLMSG_ERROR) {
                int error = -((struct nlmsgerr *)NLMSG_DATA(message))->error;
                if (error != 0)
                    errno = result = error;
                pending--;
            } else if (message->nlmsg_type == NLMSG_DONE) {
                pending--;
            } else if (handler != NULL) {
                handler(message, context);
            }
        }
    }
    return result;
}
