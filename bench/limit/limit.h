// SPDX-License-Identifier: Apache-2.0
// Netlink messages for the limit program: a buffer, attributes, one exchange a batch. netlink(7).
#pragma once

#include <errno.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct batch { char bytes[8192]; size_t length, message; unsigned count; };

typedef int (*on_message)(const struct nlmsghdr *message, void *context);

void die(const char *what);
int open_netlink(int protocol);

void begin(struct batch *batch, int type, int flags, const void *fixed, size_t size);
void end(struct batch *batch);
void append(struct batch *batch, const void *bytes, size_t size);
void put(struct batch *batch, int type, const void *value, size_t size);
int nest(struct batch *batch, int type);
void unnest(struct batch *batch, int at);

// Sends all messages at once and reads until each is answered. Returns the last errno of the kernel, 0 if none.
int exchange(int fd, struct batch *batch, on_message handler, void *context);

void masquerade_add(const char *v4, const char *v6);
void masquerade_del(const char *v4);
