// SPDX-License-Identifier: MIT OR Apache-2.0
/* A kernel without a load balancer does not let keepalived check anything. With this before it (LD_PRELOAD), everything it
 * tells the load balancer succeeds and does nothing, so that its checks can be measured. It costs less than a kernel would. */

typedef int (*callback)(void *message, void *argument);

/* What wants to hear of acknowledgements, and of the end of a list. */
enum { END = 1, ACKNOWLEDGEMENT = 4, KINDS = 5 };
static struct { callback call; void *argument; } told[KINDS];

int genl_ctrl_resolve(void *socket, const char *family)
{
	(void)socket;
	(void)family;
	return 42;
}

int nl_socket_modify_cb(void *socket, int what, int kind, callback call, void *argument)
{
	(void)socket;
	(void)kind;
	if (what >= 0 && what < KINDS) {
		told[what].call = call;
		told[what].argument = argument;
	}
	return 0;
}

int nl_send_auto(void *socket, void *message)
{
	(void)socket;
	(void)message;
	return 1;
}

/* Whoever asks goes on asking until it has heard that this was all. */
int nl_recvmsgs_default(void *socket)
{
	static const int ends[] = { END, ACKNOWLEDGEMENT };
	(void)socket;
	for (unsigned at = 0; at < sizeof ends / sizeof *ends; at++)
		if (told[ends[at]].call)
			told[ends[at]].call(0, told[ends[at]].argument);
	return 0;
}
