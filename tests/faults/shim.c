/* Preloaded into the launcher and all its processes: one system call on files below a folder fails, or stops short.
 *
 *   LD_PRELOAD=shim.so  FAULT_PLAN=/path/to/plan  FAULT_FOLDER=/path/to/folder
 *
 * The plan is shared memory: how many calls of a kind there were, in all processes together, which of them fails,
 * and how; a sticky fault stays with the path that it struck. Who writes `at` arms it. Calls that a kind does not concern are not counted: a full disk has no say in reads.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAKES = 1, WRITES = 2, SYNCS = 4, READS = 8, NAMES = 16, OPENS = 32 };
struct plan { int32_t count, at, error, kinds, sticky, pid; char struck[256]; };

static struct plan *plan;
static char folder[4096];

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("FAULT_PLAN"), *below = getenv("FAULT_FOLDER");
    int fd;
    if (!path || !below || (fd = (int)syscall(257, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0)) < 0) return;
    snprintf(folder, sizeof folder, "%s/", below);
    plan = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (plan == MAP_FAILED) plan = NULL;
    close(fd);
}

static int concerns(const char *path) {
    return strncmp(path, folder, strlen(folder)) == 0;
}

static int sticks(const char *path) {
    const char *before = strchr(plan->struck, ' ');
    return plan->sticky && before && strcmp(before + 1, path) == 0;
}

/* Whether this call is the one that fails. */
static int strikes(int kind, const char *name, const char *path) {
    int32_t number;
    if (!plan || !plan->at || !(plan->kinds & kind) || !path || !concerns(path)) return 0;
    path += strlen(folder);
    number = __sync_add_and_fetch(&plan->count, 1);
    if (number > plan->at) return sticks(path);
    if (number < plan->at) return 0;
    plan->pid = getpid();
    snprintf(plan->struck, sizeof plan->struck, "%s %s", name, path);
    return 1;
}

static int strikes_fd(int kind, const char *name, int fd) {
    char link[64], path[4096];
    int kept = errno;
    ssize_t length;
    if (!plan || !plan->at || !(plan->kinds & kind)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    errno = kept;
    if (length < 0) return 0;
    path[length] = 0;
    return strikes(kind, name, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL return errno = plan->error, -1

#define OPEN(name)                                                                   \
    int name(const char *path, int flags, ...) {                                     \
        va_list rest; int mode;                                                      \
        va_start(rest, flags); mode = va_arg(rest, int); va_end(rest);               \
        if (strikes(flags & O_CREAT ? MAKES | OPENS : OPENS, #name, path)) FAIL;     \
        return REAL(name)(path, flags, mode);                                        \
    }
OPEN(open)
OPEN(open64)

#define WRITE(name, ...)                                                             \
    if (strikes_fd(WRITES, #name, fd)) {                                             \
        if (plan->error) FAIL;                                                       \
        size = size > 1 ? size / 2 : size;                                           \
    }                                                                                \
    return REAL(name)(fd, data, size, ##__VA_ARGS__);
ssize_t write(int fd, const void *data, size_t size) { WRITE(write) }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { WRITE(pwrite, at) }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { WRITE(pwrite64, at) }

#define CALL(kind, name) if (strikes_fd(kind, #name, fd)) FAIL;
ssize_t read(int fd, void *data, size_t size) { CALL(READS, read) return REAL(read)(fd, data, size); }
ssize_t pread64(int fd, void *data, size_t size, off64_t at) { CALL(READS, pread64) return REAL(pread64)(fd, data, size, at); }
ssize_t readv(int fd, const struct iovec *parts, int count) { CALL(READS, readv) return REAL(readv)(fd, parts, count); }
int fsync(int fd) { CALL(SYNCS, fsync) return REAL(fsync)(fd); }
int fdatasync(int fd) { CALL(SYNCS, fdatasync) return REAL(fdatasync)(fd); }
int ftruncate64(int fd, off64_t size) { CALL(WRITES, ftruncate64) return REAL(ftruncate64)(fd, size); }

#define PATH(kind, name) if (strikes(kind, #name, path)) FAIL;
int mkdir(const char *path, mode_t mode) { PATH(MAKES | NAMES, mkdir) return REAL(mkdir)(path, mode); }
int unlink(const char *path) { PATH(NAMES, unlink) return REAL(unlink)(path); }
int rename(const char *from, const char *path) { PATH(MAKES | NAMES, rename) return REAL(rename)(from, path); }
int link(const char *from, const char *path) { PATH(MAKES | NAMES, link) return REAL(link)(from, path); }
int access(const char *path, int mode) {
    if (plan && plan->at && concerns(path) && sticks(path + strlen(folder))) FAIL;
    return REAL(access)(path, mode);
}
