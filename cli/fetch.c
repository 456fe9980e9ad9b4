/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/library.h"
#include "cli/text.h"

#define SCHEMES "http,https" /* of redirects too: no server sends us to files of this machine */
#define REDIRECTS_MAX 10L
#define SLOW_BYTES_S 100L /* a server that sends less is as good as silent */
#define BUFFER (256L << 10)

/* What is used of libcurl, by the names that it has there behind "curl_". */
#define FUNCTIONS(X)                                                                                                   \
	X(global_init)                                                                                                 \
	X(global_cleanup)                                                                                              \
	X(easy_init)                                                                                                   \
	X(easy_setopt)                                                                                                 \
	X(easy_perform)                                                                                                \
	X(easy_getinfo)                                                                                                \
	X(easy_strerror)                                                                                               \
	X(easy_cleanup)

struct sp_fetch {
#define X(name) __typeof__(curl_##name) *name;
	FUNCTIONS(X)
#undef X
	CURL *easy;
	char error[CURL_ERROR_SIZE];
	int fd; /* of the file that is written */
	int write_error;
};

/* The flavour with OpenSSL, or the one with GnuTLS. */
static bool load(struct sp_fetch *f, struct sp_err *err)
{
	static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4", NULL};
	const struct sp_function functions[] = {
#define X(name) {"curl_" #name, &f->name},
		FUNCTIONS(X)
#undef X
			{NULL, NULL}};
	struct sp_err why;
	if (!sp_library(names, "libcurl4", functions, &why))
		return true;
	sp_err(err, 0, "URLs need libcurl: %s", why.text);
	return false;
}

static size_t take(char *data, size_t one, size_t n, void *ctx)
{
	struct sp_fetch *f = ctx;
	for (size_t done = 0; done < n;) {
		ssize_t written = write(f->fd, data + done, n - done);
		if (written < 0 && errno != EINTR) {
			f->write_error = errno;
			return 0;
		}
		done += written < 0 ? 0 : (size_t)written;
	}
	return n;
}

/* A variable of the environment, NULL where it says nothing. */
static const char *variable(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

/* Proxies are libcurl's business: it takes them from the environment. */
static bool set_options(struct sp_fetch *f, unsigned timeout_s, struct sp_err *err)
{
	CURLcode rc = CURLE_OK;
	/* Certificates that are trusted instead of the system's, as curl(1) has it. */
	const char *trusted = variable("CURL_CA_BUNDLE") ? variable("CURL_CA_BUNDLE") : variable("SSL_CERT_FILE");
#define SET(option, value) rc = rc ? rc : f->easy_setopt(f->easy, CURLOPT_##option, value)
	SET(PROTOCOLS_STR, SCHEMES);
	SET(REDIR_PROTOCOLS_STR, SCHEMES);
	SET(FOLLOWLOCATION, 1L);
	SET(MAXREDIRS, REDIRECTS_MAX);
	SET(FAILONERROR, 1L);
	SET(ACCEPT_ENCODING, ""); /* all that it can undo */
	SET(NETRC, (long)CURL_NETRC_OPTIONAL);
	SET(CONNECTTIMEOUT, (long)timeout_s);
	SET(LOW_SPEED_LIMIT, SLOW_BYTES_S);
	SET(LOW_SPEED_TIME, (long)timeout_s);
	SET(BUFFERSIZE, BUFFER);
	SET(USERAGENT, "spantap/" SP_VERSION);
	SET(ERRORBUFFER, f->error);
	SET(WRITEFUNCTION, take);
	SET(WRITEDATA, f);
	if (trusted)
		SET(CAINFO, trusted);
#undef SET
	if (rc)
		sp_err(err, 0, "libcurl: %s; version 7.85 or newer is needed", f->easy_strerror(rc));
	return !rc;
}

struct sp_fetch *sp_fetch_new(unsigned timeout_s, struct sp_err *err)
{
	struct sp_fetch *f = calloc(1, sizeof *f);
	if (!f) {
		sp_err(err, 0, "%s", strerror(ENOMEM));
		return NULL;
	}
	if (!load(f, err)) {
		free(f);
		return NULL;
	}
	f->global_init(CURL_GLOBAL_DEFAULT);
	f->easy = f->easy_init();
	if (!f->easy)
		sp_err(err, 0, "libcurl: %s", strerror(ENOMEM));
	if (f->easy && set_options(f, timeout_s, err))
		return f;
	sp_fetch_free(f);
	return NULL;
}

static const char *temporary_directory(void)
{
	return variable("TMPDIR") ? variable("TMPDIR") : "/tmp";
}

static int refuse_file(int error, struct sp_err *err)
{
	return sp_err(err, -EIO, "%s: %s; TMPDIR names a directory with room for it", temporary_directory(),
		      strerror(error));
}

/* A file whose name is gone before any signal can leave it behind. */
static int open_temporary(struct sp_err *err)
{
	char path[4096];
	sigset_t all, before;
	if (snprintf(path, sizeof path, "%s/spantap-XXXXXX", temporary_directory()) >= (int)sizeof path)
		return refuse_file(ENAMETOOLONG, err);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	int fd = mkostemp(path, O_CLOEXEC), error = errno;
	if (fd >= 0)
		unlink(path);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return fd < 0 ? refuse_file(error, err) : fd;
}

static int refuse_status(long status, struct sp_err *err)
{
	if (status == 404 || status == 410)
		return -ENOENT;
	if (status == 401)
		return sp_err(err, -EIO,
			      "the server wants a user and password, others than it was given (HTTP 401): "
			      "USER:PASSWORD@ before the host, or a line of ~/.netrc");
	if (status == 403)
		return sp_err(err, -EIO, "the server refuses it (HTTP 403); its operator can allow it");
	if (status >= 500 || status == 429 || status == 408)
		return sp_err(err, -EIO, "the server fails (HTTP %ld); try again, or look into its log", status);
	return sp_err(err, -EIO, "the server answers HTTP %ld, where 200 is expected; is the URL right?", status);
}

/* What to do about it. */
static const char *hint(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return "is the name right?";
	case CURLE_COULDNT_CONNECT:
		return "does the server run, and is the port right?";
	case CURLE_OPERATION_TIMEDOUT:
		return "try again, or give it longer with --timeout";
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return "SSL_CERT_FILE names certificates to trust, the package ca-certificates has the usual ones";
	case CURLE_SSL_CONNECT_ERROR:
		return "does the server speak TLS at that port? Else it is http://";
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
	case CURLE_BAD_CONTENT_ENCODING:
		return "it did not come as a whole, and is not shown: try again";
	case CURLE_TOO_MANY_REDIRECTS:
		return "the server sends us in circles";
	default:
		return "is the URL right, and a web server there?";
	}
}

static int refuse_transfer(struct sp_fetch *f, CURLcode code, struct sp_err *err)
{
	if (f->write_error)
		return refuse_file(f->write_error, err);
	if (!f->error[0])
		snprintf(f->error, sizeof f->error, "%s", f->easy_strerror(code));
	sp_text_tame(f->error);
	return sp_err(err, -EIO, "%s; %s", f->error, hint(code));
}

/* Returns 0, or as sp_fetch_file. */
static int transfer(struct sp_fetch *f, const char *url, struct sp_err *err)
{
	long status = 0;
	f->error[0] = 0;
	f->write_error = 0;
	CURLcode code = f->easy_setopt(f->easy, CURLOPT_URL, url);
	if (!code)
		code = f->easy_perform(f->easy);
	f->easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &status);
	if (code == CURLE_HTTP_RETURNED_ERROR || (!code && status != 200))
		return refuse_status(status, err);
	return code ? refuse_transfer(f, code, err) : 0;
}

int sp_fetch_file(struct sp_fetch *f, const char *url, struct sp_err *err)
{
	f->fd = open_temporary(err);
	if (f->fd < 0)
		return f->fd;
	int rc = transfer(f, url, err);
	if (!rc && lseek(f->fd, 0, SEEK_SET))
		rc = refuse_file(errno, err);
	if (rc)
		close(f->fd);
	return rc ? rc : f->fd;
}

void sp_fetch_free(struct sp_fetch *f)
{
	if (!f)
		return;
	if (f->easy)
		f->easy_cleanup(f->easy);
	f->global_cleanup();
	free(f);
}
