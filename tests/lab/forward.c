/* SPDX-License-Identifier: Apache-2.0 */
/* forward [-c] CABLE=DEVICE,DEVICE... ['CABLE WAY SETTING=VALUE...']...: cables between devices, each with the faults
 * that it is told to have, for kernels without netem.
 *
 * DEVICE is [NAMESPACE/]NAME: a device that is there (its frames are taken by a packet socket, it should carry nothing
 * else), or the name of a TAP device, which is made and goes with this program. WAY is `>`, from the first device to
 * the second, `<`, or `=`: both. Times are microseconds. With -c, settings come as lines on standard input, each
 * answered by a line; its end ends the program; `count` prints what every way has done. `CABLE = clear` takes all
 * faults away. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/lab/edit.h"

#define CABLES_MAX 16
#define WAITING_MAX 8192 /* frames of one way that wait for their time */
#define AT_ONCE 32	 /* frames of one device before the next one's turn */

/* Faults of a way. `nth` and others count the frames that `only` and `port` let through. */
struct faults {
	double delay, jitter; /* jitter keeps the order */
	double loss;	      /* probability */
	unsigned nth;	      /* every one is lost */
	unsigned first;	      /* so many are lost, and then no more */
	unsigned late;	      /* every one waits `late_by` longer: those behind overtake it */
	double late_by;
	unsigned reset; /* the one that is answered with resets to both ends, in its place */
	unsigned shift; /* 1: sequence numbers are rewritten, of both ways */
	unsigned port;	/* of one end, 0: any */
	char only[8];	/* syn, data; "": any frame */
};

struct waiting {
	uint64_t due, came; /* ns */
	size_t n;
	uint8_t frame[];
};

/* Since it was last told anything. */
struct counts {
	uint64_t matched, frames, lost, refused, resets; /* frames */
	uint64_t sent, held, held_longest;		 /* frames, ns */
};

struct way {
	struct faults faults;
	struct counts counts;
	struct waiting **queue; /* sorted by `due` */
	unsigned n;
};

struct cable {
	const char *name;
	int fd[2];
	struct way way[2]; /* by the end where frames come in */
};

static struct cable cable[CABLES_MAX];
static unsigned n_cables;
static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void fail(const char *what, const char *name)
{
	fprintf(stderr, "forward: %s: %s: %s\n", what, name, strerror(errno));
	exit(1);
}

/* --- devices --- */

static int open_tap(const char *name)
{
	struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r) < 0)
		fail("TAP device", name);
	return fd;
}

static int open_socket(const char *name, unsigned index)
{
	struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)index};
	struct packet_mreq all = {.mr_ifindex = (int)index, .mr_type = PACKET_MR_PROMISC};
	int one = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) ||
	    bind(fd, (struct sockaddr *)&a, sizeof a))
		fail("packet socket", name);
	return fd;
}

static int open_device(char *name)
{
	char *slash = strchr(name, '/'), path[256];
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (slash) {
		*slash = 0;
		snprintf(path, sizeof path, "/run/netns/%s", name);
		int ns = open(path, O_RDONLY | O_CLOEXEC);
		if (ns < 0 || setns(ns, CLONE_NEWNET))
			fail("namespace", name);
		close(ns);
		name = slash + 1;
	}
	unsigned index = if_nametoindex(name);
	int fd = index ? open_socket(name, index) : open_tap(name);
	if (slash && setns(home, CLONE_NEWNET))
		fail("namespace", "own");
	close(home);
	return fd;
}

static void add_cable(char *arg, char *equals)
{
	*equals = 0;
	char *second = strchr(equals + 1, ',');
	if (!second || n_cables == CABLES_MAX) {
		fprintf(stderr, "forward: %s: CABLE=DEVICE,DEVICE expected, and %d at most\n", arg, CABLES_MAX);
		exit(2);
	}
	*second++ = 0;
	struct cable *c = &cable[n_cables++];
	c->name = arg;
	c->fd[0] = open_device(equals + 1);
	c->fd[1] = open_device(second);
	for (unsigned i = 0; i < 2; i++)
		if (!(c->way[i].queue = calloc(WAITING_MAX, sizeof *c->way[i].queue)))
			fail("memory", arg);
}

/* --- settings --- */

static bool set_fault(struct faults *f, const char *key, const char *value)
{
	const struct {
		const char *key;
		double *real;
		unsigned *number;
	} rows[] = {
		{"delay", &f->delay, NULL}, {"jitter", &f->jitter, NULL},   {"loss", &f->loss, NULL},
		{"nth", NULL, &f->nth},	    {"first", NULL, &f->first},	    {"late", NULL, &f->late},
		{"reset", NULL, &f->reset}, {"late_by", &f->late_by, NULL}, {"shift", NULL, &f->shift},
		{"port", NULL, &f->port},
	};
	if (!strcmp(key, "only"))
		return snprintf(f->only, sizeof f->only, "%s", value) > 0;
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (strcmp(key, rows[i].key))
			continue;
		if (rows[i].real)
			*rows[i].real = strtod(value, NULL);
		else
			*rows[i].number = (unsigned)strtoul(value, NULL, 10);
		return true;
	}
	return false;
}

static bool set_way(struct cable *c, unsigned w, char *words)
{
	struct way *way = &c->way[w];
	way->counts = (struct counts){0};
	for (char *save, *word = strtok_r(words, " \n", &save); word; word = strtok_r(NULL, " \n", &save)) {
		char *equals = strchr(word, '=');
		if (!strcmp(word, "clear")) {
			way->faults = (struct faults){0};
			continue;
		}
		if (!equals)
			return false;
		*equals = 0;
		if (!set_fault(&way->faults, word, equals + 1))
			return false;
	}
	return true;
}

/* "CABLE WAY SETTING=VALUE…" */
static bool set(const char *line)
{
	char name[32], way, words[2][256];
	int at = 0;
	if (sscanf(line, "%31s %c%n", name, &way, &at) != 2 || !strchr("<>=", way))
		return false;
	for (unsigned i = 0; i < n_cables; i++) {
		if (strcmp(cable[i].name, name))
			continue;
		bool good = true;
		for (unsigned w = 0; w < 2; w++) {
			snprintf(words[w], sizeof *words, "%s", line + at);
			if (way == '=' || way == "><"[w])
				good &= set_way(&cable[i], w, words[w]);
		}
		return good;
	}
	return false;
}

static void count_way(const char *before, const char *name, char way, const struct counts *n)
{
	printf("%s{\"cable\":\"%s\",\"way\":\"%c\",\"frames\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"refused\":%" PRIu64
	       ",\"resets\":%" PRIu64 ",\"held_us\":%.1f,\"held_longest_us\":%.1f}",
	       before, name, way, n->frames, n->lost, n->refused, n->resets,
	       n->sent ? (double)n->held / 1e3 / (double)n->sent : 0, (double)n->held_longest / 1e3);
}

static void count(void)
{
	for (unsigned i = 0; i < n_cables; i++)
		for (unsigned w = 0; w < 2; w++)
			count_way(i + w ? "," : "[", cable[i].name, "><"[w], &cable[i].way[w].counts);
	printf("]\n");
}

static void commands(void)
{
	char line[512];
	if (!fgets(line, sizeof line, stdin)) {
		stop = 1;
		return;
	}
	if (!strcmp(line, "count\n"))
		count();
	else
		puts(set(line) ? "ok" : "not understood");
	fflush(stdout);
}

/* --- frames --- */

static void send_frame(int fd, const uint8_t *frame, size_t n)
{
	while (write(fd, frame, n) < 0 && errno == EINTR)
		;
}

/* Sorted in from the back, where its place nearly always is. */
static void wait_for(struct way *w, struct waiting *f)
{
	unsigned at = w->n++;
	for (; at && w->queue[at - 1]->due > f->due; at--)
		w->queue[at] = w->queue[at - 1];
	w->queue[at] = f;
}

static void put(struct way *w, const uint8_t *frame, size_t n, uint64_t now, double us)
{
	struct waiting *f = w->n < WAITING_MAX ? malloc(sizeof *f + n) : NULL;
	if (!f) {
		w->counts.refused++;
		return;
	}
	*f = (struct waiting){now + (uint64_t)(us * 1e3), now, n};
	memcpy(f->frame, frame, n);
	wait_for(w, f);
}

static void send_due(struct cable *c, unsigned from, uint64_t now)
{
	struct way *w = &c->way[from];
	unsigned n = 0;
	for (; n < w->n && w->queue[n]->due <= now; n++) {
		struct waiting *f = w->queue[n];
		send_frame(c->fd[!from], f->frame, f->n);
		uint64_t held = now_ns() - f->came;
		w->counts.sent++;
		w->counts.held += held;
		w->counts.held_longest = held > w->counts.held_longest ? held : w->counts.held_longest;
		free(f);
	}
	memmove(w->queue, w->queue + n, (w->n - n) * sizeof *w->queue);
	w->n -= n;
}

static bool matches(const struct faults *f, const struct segment *s)
{
	if (!f->port && !*f->only)
		return true;
	if (!s || (f->port && s->sport != f->port && s->dport != f->port))
		return false;
	return !*f->only || (!strcmp(f->only, "syn") ? s->flags & SYN : s->payload > 0);
}

/* The segment's place is taken by resets to both of its ends, behind what waits. */
static void reset_both(struct cable *c, unsigned from, const uint8_t *frame, size_t n, uint64_t now)
{
	for (unsigned back = 0; back < 2; back++) {
		uint8_t copy[FRAME_MAX];
		struct segment s;
		memcpy(copy, frame, n);
		segment_find(&s, copy, n);
		put(&c->way[back ? !from : from], copy, segment_reset(&s, copy, back), now, 0);
	}
	c->way[from].counts.resets++;
}

/* In the first way's direction one number is added, in the other's another one; what is acknowledged is the other's. */
static void rewrite(struct segment *s, unsigned from)
{
	uint32_t mine = segment_number(s, from), other = segment_number(s, !from);
	segment_shift(s, mine, -other);
}

static double random_part(void)
{
	return (double)rand() / ((double)RAND_MAX + 1);
}

static void take(struct cable *c, unsigned from, uint8_t *frame, size_t n, uint64_t now)
{
	struct way *w = &c->way[from];
	const struct faults *f = &w->faults;
	struct segment found, *s = segment_find(&found, frame, n) ? &found : NULL;
	w->counts.frames++;
	if (s && f->shift)
		rewrite(s, from);
	if (!matches(f, s)) {
		put(w, frame, n, now, 0);
		return;
	}
	uint64_t number = ++w->counts.matched;
	if ((f->loss > 0 && random_part() < f->loss) || (f->nth && number % f->nth == 0) || number <= f->first) {
		w->counts.lost++;
		return;
	}
	if (s && f->reset && number == f->reset) {
		reset_both(c, from, frame, n, now);
		return;
	}
	double us = f->delay + (f->jitter > 0 ? f->jitter * random_part() : 0);
	bool late = f->late && number % f->late == 0;
	if (f->jitter > 0 && !late && w->n && w->queue[w->n - 1]->due > now + (uint64_t)(us * 1e3))
		us = (double)(w->queue[w->n - 1]->due - now) / 1e3;
	put(w, frame, n, now, late ? us + f->late_by : us);
}

static void drain(struct cable *c, unsigned from)
{
	uint8_t frame[FRAME_MAX];
	for (unsigned i = 0; i < AT_ONCE; i++) {
		ssize_t n = read(c->fd[from], frame, sizeof frame);
		if (n < 0)
			return;
		if (n)
			take(c, from, frame, (size_t)n, now_ns());
	}
}

/* Sends what is due. Returns when the next one is, UINT64_MAX: nothing waits. */
static uint64_t send_all(void)
{
	uint64_t now = now_ns(), next = UINT64_MAX;
	for (unsigned i = 0; i < n_cables; i++)
		for (unsigned w = 0; w < 2; w++) {
			const struct way *way = &cable[i].way[w];
			send_due(&cable[i], w, now);
			if (way->n && way->queue[0]->due < next)
				next = way->queue[0]->due;
		}
	return next;
}

static void run(bool told)
{
	struct pollfd fds[2 * CABLES_MAX + 1];
	unsigned n = 2 * n_cables;
	for (unsigned i = 0; i < n; i++)
		fds[i] = (struct pollfd){.fd = cable[i / 2].fd[i % 2], .events = POLLIN};
	fds[n] = (struct pollfd){.fd = told ? STDIN_FILENO : -1, .events = POLLIN};
	while (!stop) {
		uint64_t next = send_all(), now = now_ns(), wait = next > now ? next - now : 0;
		struct timespec t = {(time_t)(wait / 1000000000), (long)(wait % 1000000000)};
		if (ppoll(fds, n + 1, next == UINT64_MAX ? NULL : &t, NULL) <= 0)
			continue;
		for (unsigned i = 0; i < n; i++)
			if (fds[i].revents)
				drain(&cable[i / 2], i % 2);
		if (fds[n].revents)
			commands();
	}
}

int main(int argc, char **argv)
{
	bool told = argc > 1 && !strcmp(argv[1], "-c");
	struct sigaction end = {.sa_handler = on_signal}; /* no SA_RESTART: it wakes poll */
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGINT, &end, NULL);
	srand(1);
	for (int i = 1 + told; i < argc; i++) {
		char *equals = strchr(argv[i], '=');
		if (equals && !strchr(argv[i], ' '))
			add_cable(argv[i], equals);
		else if (!set(argv[i])) {
			fprintf(stderr, "forward: not understood: %s\n", argv[i]);
			return 2;
		}
	}
	/* A frame's time is kept to some microseconds where that is allowed. */
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 1});
	mlockall(MCL_CURRENT | MCL_FUTURE);
	setvbuf(stdin, NULL, _IONBF, 0); /* poll sees each line */
	puts("ready");
	fflush(stdout);
	run(told);
	return 0;
}
