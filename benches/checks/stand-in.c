// SPDX-License-Identifier: MIT OR Apache-2.0
/* A kernel without a load balancer does not let keepalived check anything. With this before it (LD_PRELOAD), everything it
 * tells the load balancer succeeds and does nothing, so that its checks can be measured. It costs less than a kernel would. */

int genl_ctrl_resolve(void *socket, const char *family)
{
	(void)socket;
	(void)family;
	return 42;
}

int nl_send_auto(void *socket, void *message)
{
	(void)socket;
	(void)message;
	return 1;
}

int nl_recvmsgs_default(void *socket)
{
	(void)socket;
	return 0;
}
