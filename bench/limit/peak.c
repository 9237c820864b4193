// SPDX-License-Identifier: Apache-2.0
//
//   peak FILE PROGRAM [ARGUMENT...]   runs a program, writes its peak resident size in KiB to a file, exits as it did
//
// exec carries the high-water mark of the address space it leaves over to the new program (fs/exec.c, exec_mmap), so a program
// started by a large process looks large. This one is small: a few hundred KiB.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments)
{
    struct rusage usage;
    int status;
    if (count < 3)
        return 2;
    pid_t child = fork();
    if (child == 0) {
        execv(arguments[2], arguments + 2);
        fprintf(stderr, "peak: %s: %s\n", arguments[2], strerror(errno));
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child)
        return 2;
    FILE *file = fopen(arguments[1], "w");
    if (file == NULL)
        return 2;
    fprintf(file, "%ld\n", usage.ru_maxrss);
    fclose(file);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
