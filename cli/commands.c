/* SPDX-License-Identifier: Apache-2.0 */
/* The commands: names, options and texts. `--help` and docs/man are printed from here. */
#include "cli/command.h"

#define OPTION_CONF                                                                                                    \
	{                                                                                                              \
		'c', "config", "CONF", "Read settings from this YAML file. Without it every setting has its default."  \
	}

#define OPTION_TIMEOUT                                                                                                 \
	{                                                                                                              \
		SP_OPTION_TIMEOUT, "timeout", "SECONDS",                                                               \
			"Give up a server that sends nothing, or next to nothing, for so long, 1 to 3600; 30 where "   \
			"this is not given."                                                                           \
	}

/* What DIR and URL are. */
#define TEXT_URL                                                                                                       \
	"Instead of a directory, a URL reads one that a web server has: http, https or file. Only the files that are " \
	"needed are fetched, each as a whole; while it is read it is in $TMPDIR (/tmp), without a name there, which "  \
	"needs room for it. A user and password stand in the URL or in ~/.netrc, proxies in the environment as for "   \
	"curl(1); SSL_CERT_FILE names certificates to trust instead of the system's. This needs libcurl (libcurl4)."

static const struct sp_option top_options[] = {
	{'V', "version", NULL, "Print version, build options and libraries, as 'spantap version' does."},
	{0},
};

static const char *const top_text[] = {
	"spantap reads network traffic, from capture files or live, and tells what the connections in it did: one "
	"exact "
	"record a flow, with its TCP performance and the way it ended.",
	"Messages go to standard error, one a line, and begin with 'spantap:'.",
	NULL,
};

static const char *const top_examples[] = {
	"spantap read web.pcapng",
	"what is in a capture",
	"spantap read -o out a.pcap.gz b.pcap",
	"write out/flows.jsonl, out/requests.jsonl and out/stats.json",
	"spantap check -c spantap.yaml",
	"look over a configuration before using it",
	NULL,
};

static const struct sp_option read_options[] = {
	OPTION_CONF,
	{'o', "output", "DIR|-",
	 "Write the records to files in this directory, which is created: flows.jsonl, requests.jsonl, "
	 "traces.jsonl, paths.jsonl, edges.jsonl, losses.jsonl, clocks.jsonl and stats.json. "
	 "Files of an earlier run are replaced whole, at the end. '-' writes all records as JSON lines to standard "
	 "output, each with the key 'record'."},
	{'F', "filter", "BPF", "Analyse only packets that match this expression, in the language of pcap-filter(7)."},
	{'p', "point", "NAME[:KIND]=CAPTURE",
	 "Read a capture as the observation point NAME, of one of the kinds below. May be given several times."},
	{SP_OPTION_PROFILE, "profile", "[=WHICH]",
	 "Record Network Profiles (profiles.jsonl) of all flows; or of those with failures, retransmissions, "
	 "zero-windows or slow calls; or of those that a filter names: 'host 10.0.0.1 and port 443'."},
	{0},
};

static const char *const read_text[] = {
	"Analyses capture files in the capture's own time: pcap (microseconds and nanoseconds, either byte order) and "
	"pcapng (several interfaces), plain or compressed with gzip, zstd or lz4; '-' is standard input. Several "
	"captures, and several interfaces of one pcapng, are observation points; their packets are merged by time.",
	"What connections say is read on any port: a line of requests.jsonl for every call of the protocols that "
	"docs/protocols.md lists, values and credentials hidden unless requests.reveal names the protocol. "
	"requests.enabled: no leaves flow records alone, at the lowest cost.",
	"What several points, or one point several times, saw of the same call becomes a line of traces.jsonl, through "
	"translated addresses, tunnels and proxies, with the time that was spent between each two of them; 'spantap "
	"trace' shows it. The same of a connection becomes a line of paths.jsonl, with what was translated and lost "
	"where. Over many calls and over time: edges.jsonl, where the time went, as histograms; losses.jsonl, when "
	"segments were lost between points; clocks.jsonl, how far clocks are apart. What only one point saw once makes "
	"no such line.",
	"With --profile, chosen flows become lines of profiles.jsonl: every packet with its time, and the phases that "
	"it adds up to. Of those chosen by what happens, as many packets around it as profile.before and profile.after "
	"say. docs/network-profile.md describes them. With profile.keep_packets, packets.pcapng has the packets' "
	"first bytes.",
	"Without -o a summary is printed: what was in there, failures, where time went, losses, and how good the "
	"capture "
	"is. A progress bar is shown on standard error for files over 100 MB when that is a terminal. SIGINT ends the "
	"input: what was read until then is reported.",
	"A capture that is cut short or damaged is read up to the damage.",
	"Kinds of points, in order along the path of a request: client-app, client-process, client-nic, client-node, "
	"client-kvm, gateway, switch, server-kvm, server-node, server-nic, server-process, server-app; where the side "
	"depends on the flow: node, kvm, nic, process, app; else unknown.",
	NULL,
};

static const char *const read_examples[] = {
	"spantap read web.pcapng",
	"print a summary",
	"spantap read -o out -F 'tcp port 443' web.pcap",
	"records of HTTPS flows only",
	"spantap read -o out --profile=failures web.pcap",
	"records, and the packets around whatever failed",
	"spantap read -o - -p lb:gateway=lb.pcap -p web1:server-node=web1.pcap",
	"two named points, records to standard output",
	"tcpdump -i eth0 -w - | spantap read -",
	"from a pipe, until Ctrl-C",
	NULL,
};

static const struct sp_option run_options[] = {
	{'c', "config", "CONF", "The configuration: what to capture, where to write."},
	{0},
};

static const char *const run_text[] = {
	"Analyses live traffic from the ports that the configuration names: AF_PACKET, AF_XDP, DPDK; several at once, "
	"each an observation point. A pattern of device names (vnet*, tap*) makes a port and a point of each device "
	"that matches, as long as it is there. A port that cannot be opened, or whose device goes away, is reported "
	"and tried again; the flows of a device that went end. The run ends at once only if no port can ever work as "
	"configured.",
	"Records go to output.directory: flows.jsonl gets a line when a flow ends, and for long flows one every "
	"flow.report_interval, requests.jsonl one when a call ends; lines are in the file at most some two seconds "
	"after. stats.json is written anew, as a "
	"whole, every five seconds and at the end: every packet that came in is there as exactly one of analysed, "
	"filtered, duplicate, malformed, dropped, the drops by stage and reason.",
	"What an earlier run left is kept: records are appended (flow_id and request_id begin anew with each "
	"run), after half a line that a killed run may have left was cut off. A second run into the same directory is "
	"refused. While a disk is full, records are lost and counted; packets are analysed all the same.",
	"SIGINT and SIGTERM stop it: what has come in is analysed, every open flow written with close_reason "
	"end_of_input, and the exit code is 0; a second one ends it at once. SIGHUP opens the files again, so that "
	"logrotate(8) may move them away, and loads the configuration again: settings marked reloadable change without "
	"losing a packet, the others are named and need a restart; a file with errors changes nothing.",
	"Packets are analysed by workers (workers.count), threads with flows of their own. Where a port's queues keep "
	"the packets of a flow together, flows stay with the worker of their queue; else workers hand packets to the "
	"worker of their flow. The message for each port says which way is used, and why. A worker polls without a "
	"pause, so that it takes a CPU of its own (workers.cpus), unless workers.busy_poll is false. Flow tables take "
	"their memory at start, at most a quarter of what is free.",
	"An af_packet port needs CAP_NET_RAW, and CAP_SYS_ADMIN for a device in another network namespace; af_xdp and "
	"dpdk ports need root.",
	NULL,
};

static const char *const run_examples[] = {
	"spantap run -c spantap.yaml",
	"until a signal",
	"tail -f spantap-out/flows.jsonl",
	"connections as they end",
	"kill -HUP $(pidof spantap)",
	"after flows.jsonl was moved away, or the configuration was changed",
	NULL,
};

static const struct sp_option check_options[] = {
	{'c', "config", "CONF", "The file to look over."},
	{SP_OPTION_PRINT_DEFAULT, "print-default", NULL,
	 "Print the default configuration instead: every setting with its meaning, unit and range."},
	{0},
};

static const char *const check_text[] = {
	"Validates a configuration without using it. Every error is reported with file and line and with what was "
	"expected; "
	"nothing is printed and the exit code is 0 when there is none.",
	NULL,
};

static const char *const check_examples[] = {
	"spantap check -c spantap.yaml",
	"all errors of a file",
	"spantap check --print-default > spantap.yaml",
	"begin a configuration",
	NULL,
};

static const struct sp_option trace_options[] = {
	{SP_OPTION_SLOWEST, "slowest", "N", "Show the N slowest, 1 to 1000; 20 where this is not given."},
	{SP_OPTION_ERRORS, "errors", NULL, "Only calls that failed: client_error, server_error or timeout."},
	{SP_OPTION_EDGES, "edges", NULL,
	 "Over all calls: between which points their time went, with the slowest endpoint of each; and when "
	 "segments were lost between points."},
	{SP_OPTION_WHERE, "where", "EXPR",
	 "Only traces for which this holds: KEY=VALUE, KEY!=VALUE, KEY~PART, KEY>NUMBER, KEY<NUMBER, KEY>=NUMBER, "
	 "KEY<=NUMBER, several of them joined by commas. May be given several times."},
	OPTION_TIMEOUT,
	{0},
};

static const char *const trace_text[] = {
	"Shows traces of a directory that 'spantap read -o DIR' wrote: what several observation points saw of the same "
	"call. Without an ID, a table of the slowest; with one, or its beginning, the waterfall of that trace.",
	"A row of the waterfall is the call as one point saw it, the client's end first: the time to the first byte of "
	"the response, and before it the time that was spent between the point and the one above. That is the "
	"difference of both, so that it needs no common clock; bars stand where the two directions are known, else in "
	"the middle. What joined a point with the others stands beside it: sequence numbers or ids of one connection "
	"(tcp_seq, dns_id), an id that a proxy passed on (x_request_id, trace_id), or a guess (content), with a "
	"confidence in percent.",
	"Below the table of the slowest, unless --where picks some: where connections died. A packet of the handshake "
	"was "
	"seen at the first of two points and not at the second, or a reset was seen at the second that the first, "
	"where "
	"it should have come from, did not see. 'client' and 'server' are the ends themselves, '?' is not known.",
	"Points where calls like it are seen, and this one was not, are named below a waterfall: a capture that ended, "
	"or a request that got no farther.",
	"A '?' instead of the time before a point: which of both comes first is a guess, since what was measured "
	"contradicts itself, as behind a mirror that copies late. A 'kind' of both points decides it.",
	"Keys of --where are those of traces.jsonl, with dots into objects (slowest_hop.to); keys of its spans (point, "
	"client_ip) mean any of them. With --edges, those of edges.jsonl and losses.jsonl.",
	TEXT_URL,
	NULL,
};

static const char *const trace_examples[] = {
	"spantap read -o out -p web=web.pcap -p lb=lb.pcap; spantap trace out",
	"the slowest calls, and where their time went",
	"spantap trace out 7e1e39af",
	"one of them",
	"spantap trace --errors --where 'app_proto=http,point=lb' out",
	"HTTP calls through lb that failed",
	"spantap trace --where 'slowest_hop.to=server,duration_us>100000' out",
	"calls of more than 0.1 s for which the server is to blame",
	"spantap trace --edges out",
	"which hop is the slow one, over all calls",
	"spantap trace --slowest 5 https://box.example/run1/",
	"of a directory that a web server has",
	NULL,
};

static const struct sp_option profile_options[] = {
	{SP_OPTION_SLOWEST, "slowest", "N", "In the table, show N flows, 1 to 1000; 20 where this is not given."},
	{SP_OPTION_SORT, "sort", "KEY",
	 "The table's order: slow (time spent on anything but waiting for the client to ask or to close; where this is "
	 "not given), "
	 "duration, "
	 "packets, retransmissions."},
	{SP_OPTION_WHERE, "where", "EXPR",
	 "Only flows for which this holds, as in spantap-trace(1). May be given several times."},
	{SP_OPTION_POINT, "point", "NAME", "Only flows that this observation point saw."},
	{SP_OPTION_LADDER, "ladder", NULL,
	 "Show a flow's packets as arrows between client and server, as is usual on a terminal."},
	{SP_OPTION_TABLE, "table", NULL, "Show them as a table, as is usual elsewhere."},
	{SP_OPTION_PHASES, "phases", NULL, "Show where a flow's time went, and no packets."},
	{SP_OPTION_ALL, "all", NULL, "Show every packet of a long flow in the ladder, and every exchange."},
	{SP_OPTION_ASCII, "ascii", NULL, "Draw with ASCII letters; usual where the locale is not UTF-8."},
	{SP_OPTION_SVG, "svg", "FILE", "Write a flow's picture to this file."},
	{SP_OPTION_PCAPNG, "pcapng", "FILE",
	 "Write a flow's packets to this file, as far as they were kept (profile.keep_packets). They come out of "
	 "packets.pcapng in the directory, where each has the comment flow_id=N."},
	OPTION_TIMEOUT,
	{0},
};

static const char *const profile_text[] = {
	"Shows Network Profiles of a directory that 'spantap read -o DIR --profile' or 'spantap run' wrote: the "
	"packets of "
	"single flows with what was noted of them, and the phases of every request. Without a FLOW, a table; with one, "
	"its flow_id, where its time went and its packets.",
	"Phases: connect (the server's part until its SYN-ACK, then the client's); TLS; and of every request: client "
	"wait "
	"(the client had nothing to ask), request (its bytes on the way), ACK delay (until the server's stack has "
	"acknowledged it), server (from there until the first byte of the response), response (its bytes on the way); "
	"teardown.",
	"In the ladder a silence stands with whom it was spent on. Packets that were sent again are red, closed "
	"windows "
	"yellow, resets magenta, where a terminal shows colours. Numbers count from each direction's first byte. In a "
	"flow of "
	"more than 200 packets, runs of packets without a note become a line each.",
	"The picture is SVG: it needs nothing else, and follows a browser's dark mode.",
	TEXT_URL,
	NULL,
};

static const char *const profile_examples[] = {
	"spantap read --profile -o out web.pcapng; spantap profile out",
	"the slowest flows, and in which phase",
	"spantap profile out 12",
	"one of them",
	"spantap profile --where 'reason=retransmission,app_proto=http' --sort retransmissions out",
	"HTTP flows with losses, the worst first",
	"spantap profile --svg flow.svg out 12",
	"its picture",
	NULL,
};

static const struct sp_option top_command_options[] = {
	{SP_OPTION_BY, "by", "WHAT", "Show only the best of these: client, server, service, endpoint, point or flow."},
	{SP_OPTION_SORT, "sort", "KEY",
	 "Their order: bytes, packets, flows, calls, errors (calls that failed), latency (95th percentile), retrans "
	 "(segments "
	 "sent again), failures (connections that failed), zero_window. Where it is not given, endpoints by calls, "
	 "others by "
	 "bytes."},
	{'n', NULL, "N", "Show N rows, 1 to 1000; with --by 20 where this is not given, else 5 of each."},
	{SP_OPTION_WHERE, "where", "EXPR",
	 "Count only records for which this holds, as in spantap-trace(1); keys are those of flows.jsonl and "
	 "requests.jsonl. May be given several times."},
	{SP_OPTION_JSON, "json", NULL, "Print JSON lines."},
	{SP_OPTION_FOLLOW, "follow", "[=SECONDS]",
	 "Go on with what a running 'spantap run' adds, and show it anew every so many seconds; 2 where the number is "
	 "left "
	 "out."},
	OPTION_TIMEOUT,
	{0},
};

static const char *const top_command_text[] = {
	"Shows who is busiest, slowest and fails most in a directory that 'spantap read -o DIR' or 'spantap run' "
	"wrote: "
	"flows.jsonl and requests.jsonl, counted in one pass. Without --by, a page with the best of each.",
	"Columns: flows that ended, packets, bytes on the wire; again: segments sent again, of the packets; failed: "
	"connections whose end blames somebody, of the flows; calls; errors: calls that failed, of all; p50 and p95: "
	"from "
	"the first byte of the request to the first of the response, within 13 %.",
	"Up to 262,144 names of each kind are counted exactly. Of more, the heaviest are kept, and a line says that "
	"some "
	"numbers are too low. A flow that several points saw counts at each of them.",
	TEXT_URL,
	NULL,
};

static const char *const top_command_examples[] = {
	"spantap read -o out web.pcapng; spantap top out",
	"the best of each",
	"spantap top --by service --sort latency out",
	"the slowest services",
	"spantap top --by client --where 'server_ip=10.0.0.7,failure=server' out",
	"whose connections to a server failed",
	"spantap top --follow=5 spantap-out",
	"a live run, every five seconds",
	NULL,
};

static const struct sp_option version_options[] = {{0}};

static const char *const version_text[] = {
	"Prints the version, how the program was built, and the libraries it was built with.",
	NULL,
};

static const struct sp_option help_options[] = {
	{SP_OPTION_MAN, "man", NULL, "Print the manual page's source instead."},
	{0},
};

static const char *const help_text[] = {
	"Prints what 'spantap COMMAND --help' prints; without a command, the list of commands.",
	NULL,
};

const struct sp_command sp_commands[] = {
	{"spantap", "an open network analyzer", "[--help] [--version] COMMAND ...", top_options, top_text, top_examples,
	 "spantap-read(1), spantap-run(1), spantap-trace(1), spantap-profile(1), spantap-top(1), spantap-check(1), "
	 "spantap-version(1)",
	 NULL},
	{"read", "analyse capture files",
	 "[-c CONF] [-o DIR|-] [--profile[=WHICH]] [-F BPF] [-p NAME[:KIND]=CAPTURE]... [CAPTURE]...", read_options,
	 read_text, read_examples,
	 "spantap(1), spantap-trace(1), spantap-profile(1), spantap-top(1), spantap-check(1), pcap-filter(7)",
	 sp_cmd_read},
	{"run", "analyse live traffic", "-c CONF", run_options, run_text, run_examples,
	 "spantap(1), spantap-top(1), spantap-check(1)", sp_cmd_run},
	{"trace", "show traces: where the time of a call went",
	 "[--slowest N] [--errors] [--edges] [--where EXPR] DIR|URL [ID]", trace_options, trace_text, trace_examples,
	 "spantap(1), spantap-read(1)", sp_cmd_trace},
	{"profile", "show Network Profiles: a flow's packets and phases", "[OPTION]... DIR|URL [FLOW]", profile_options,
	 profile_text, profile_examples, "spantap(1), spantap-read(1), spantap-trace(1)", sp_cmd_profile},
	{"top", "show who is busiest, slowest, fails most",
	 "[--by WHAT] [--sort KEY] [-n N] [--where EXPR] [--json] [--follow[=SECONDS]] DIR|URL", top_command_options,
	 top_command_text, top_command_examples, "spantap(1), spantap-read(1), spantap-run(1)", sp_cmd_top},
	{"check", "validate a configuration", "-c CONF | --print-default", check_options, check_text, check_examples,
	 "spantap(1), spantap-read(1), spantap-run(1)", sp_cmd_check},
	{"version", "print version, build options and libraries", "", version_options, version_text, NULL, "spantap(1)",
	 sp_cmd_version},
	{"help", "print help on a command", "[--man] [COMMAND]", help_options, help_text, NULL, "spantap(1)",
	 sp_cmd_help},
	{0},
};
