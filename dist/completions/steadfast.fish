# fish completion of steadfast and keepalived; made by `steadfast completions fish`
complete -c steadfast -n __fish_use_subcommand -a run -d 'the daemon; takes the options of keepalived below, and may be left out where there is one'
complete -c steadfast -n __fish_use_subcommand -a check -d 'say what is wrong with a configuration, where, and what to do; several files are compared as nodes; with --elsewhere the interfaces, accounts and programs of this machine do not matter'
complete -c steadfast -n '__fish_seen_subcommand_from check' -l as
complete -c steadfast -n '__fish_seen_subcommand_from check' -l config-id
complete -c steadfast -n '__fish_seen_subcommand_from check' -l elsewhere
complete -c steadfast -n '__fish_seen_subcommand_from check' -l fail-on
complete -c steadfast -n '__fish_seen_subcommand_from check' -l json
complete -c steadfast -n '__fish_seen_subcommand_from check' -l oneline
complete -c steadfast -n '__fish_seen_subcommand_from check' -l strict
complete -c steadfast -n __fish_use_subcommand -a explain -d 'what a keyword or a finding means'
complete -c steadfast -n '__fish_seen_subcommand_from explain' -f -a 'BFD_CHECK DNS_CHECK FILE_CHECK HTTP_GET MISC_CHECK PING_CHECK SMTP_CHECK SSL SSL_GET TCP_CHECK UDP_CHECK accept active_key advert_int alpha anti_replay auth_hmac auth_pass auth_type authentication bfd_cpu_affinity bfd_instance bfd_no_swap bfd_priority bfd_process_name bfd_rlimit_rtime bfd_rlimit_rttime bfd_rt_priority bind_if bind_port bindto ca certificate check_unicast_src checker checker_cpu_affinity checker_log_all_failures checker_no_swap checker_priority checker_process_name checker_rlimit_rtime checker_rlimit_rttime checker_rt_priority child_wait_time config_save_dir connect_ip connect_port connect_timeout control_socket_group data_use_instance dbus_no_interface_name dbus_service_name debug default_interface delay delay_before_retry delay_loop digest disable_local_igmp dont_track_primary down_timer_adverts dynamic_interfaces enable_dbus enable_script_security enable_sni enable_snmp_checker enable_snmp_keepalived enable_snmp_rfc enable_snmp_rfcv2 enable_snmp_rfcv3 enable_snmp_vrrp enable_traps fall fast_recovery fifo_write_vrrp_states_on_reload file flag-1 flag-2 flag-3 fork_delay full_command fwmark garp_extra_if garp_group garp_interval garp_lower_prio_delay garp_lower_prio_repeat garp_master_delay garp_master_refresh garp_master_refresh_repeat garp_master_repeat global_defs global_tracking gna_interval group ha_suspend hashed helo_name higher_prio_send_advert hoplimit host http_protocol hysteresis idle_tx include_check inhibit_on_failure init_fail init_file instance interface interface_up_down_delays interfaces interval ip_family iproute_etc_dir iproute_usr_dir json_dump_file json_version kernel_rx_buf_size key lb_algo lb_kind linkbeat_interfaces linkbeat_use_polling log_all_failures log_format log_unknown_vrids lower_prio_no_advert lthreshold lvs_flush lvs_flush_on_stop lvs_flush_onstop lvs_method lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force lvs_netlink_monitor_rcv_bufs lvs_netlink_monitor_rcv_bufs_force lvs_notify_fifo lvs_notify_fifo_script lvs_process_name lvs_sched lvs_sync_daemon lvs_sync_daemon_interface lvs_timeouts max_auto_priority max_hops max_reply_length mcast_dst_ip mcast_src_ip mh-fallback mh-port min_auto_priority_delay min_reply_length min_rx min_tx misc_dynamic misc_path misc_timeout mode multihop multiplier name namespace_with_ipsets native_ipv6 nb_get_retry neighbor_ip neighbour_ip net_namespace net_namespace_ipvs nftables nftables_counters nftables_ifindex nftables_ipvs nftables_ipvs_priority nftables_ipvs_start_fwmark nftables_priority no_accept no_checker_emails no_email_faults no_virtual_ipaddress nopreempt notification_email notification_email_from notify notify_backup notify_deleted notify_down notify_fault notify_fifo notify_fifo_script notify_master notify_master_rx_lower_pri notify_priority_changes notify_stop notify_up notify_webhook old_unicast_checksum omega ops owner_ignore_adverts param_match passive password path payload persistence_engine persistence_granularity persistence_timeout preempt preempt_delay priority process process_monitor_rcv_bufs process_monitor_rcv_bufs_force process_name process_names promote_secondaries protocol quorum quorum_down quorum_max quorum_up random_seed real_server regex regex_max_offset regex_min_offset regex_no_match regex_options regex_stack reload_check_config reload_file reload_repeat reload_time_file repair require_reply retry rise router_id rs_init_notifies script script_user set_supplementary_groups sh-fallback sh-port shutdown_script shutdown_script_timeout skip_check_adv_addr smtp_alert smtp_alert_checker smtp_alert_vrrp smtp_connect_timeout smtp_helo_name smtp_server sni_name snmp_name snmp_rs_stats_update_interval snmp_socket snmp_vs_stats_update_interval sorry_server sorry_server_inhibit sorry_server_lvs_method source_ip startup_script startup_script_timeout state state_dump_file static_ipaddress static_routes static_rules stats_dump_file status_code status_listen strict_mode sync_group_tracking_weight terminate_delay thread_timer_expired time_window timeout timer_expired_backup tls_compliant tmp_config_directory track_bfd track_file track_group track_interface track_process track_script track_src_ip ttl type umask unicast_fault_no_peer unicast_peer unicast_src_ip unicast_ttl url use_ipvlan use_pid_dir use_symlink_paths use_vmac use_vmac_addr user uthreshold v3_checksum_as_v2 version virtual_ipaddress virtual_ipaddress_excluded virtual_router_id virtual_routes virtual_rules virtual_server virtual_server_group virtualhost vmac_addr_prefix vmac_garp_intvl vmac_prefix vmac_xmit_base vrf vrrp vrrp_check_unicast_src vrrp_cpu_affinity vrrp_delay_after_boot vrrp_down_timer_adverts vrrp_garp_extra_if vrrp_garp_interval vrrp_garp_lower_prio_delay vrrp_garp_lower_prio_repeat vrrp_garp_master_delay vrrp_garp_master_refresh vrrp_garp_master_refresh_repeat vrrp_garp_master_repeat vrrp_gna_interval vrrp_handover vrrp_higher_prio_send_advert vrrp_instance vrrp_ipsets vrrp_iptables vrrp_lower_prio_no_advert vrrp_mcast_group4 vrrp_mcast_group6 vrrp_min_garp vrrp_netlink_cmd_rcv_bufs vrrp_netlink_cmd_rcv_bufs_force vrrp_netlink_monitor_rcv_bufs vrrp_netlink_monitor_rcv_bufs_force vrrp_no_swap vrrp_notify_fifo vrrp_notify_fifo_script vrrp_notify_priority_changes vrrp_owner_ignore_adverts vrrp_priority vrrp_process_name vrrp_repair vrrp_rlimit_rtime vrrp_rlimit_rttime vrrp_rt_priority vrrp_rx_bufs_multiplier vrrp_rx_bufs_policy vrrp_script vrrp_skip_check_adv_addr vrrp_startup_delay vrrp_strict vrrp_sync_group vrrp_track_file vrrp_track_process vrrp_version vrrp_vip_lease vrrp_vmac_garp_intvl warmup weight'
complete -c steadfast -n __fish_use_subcommand -a config -d 'the typed configuration in force, defaults filled in, secrets masked'
complete -c steadfast -n '__fish_seen_subcommand_from config' -l config-id
complete -c steadfast -n '__fish_seen_subcommand_from config' -l json
complete -c steadfast -n __fish_use_subcommand -a doctor -d 'whether this machine lets the daemon do its work, with this configuration in mind, and what to do where it does not; changes nothing'
complete -c steadfast -n __fish_use_subcommand -a manual -d 'print a manual page: `steadfast manual keepalived.conf | man -l -`'
complete -c steadfast -n '__fish_seen_subcommand_from manual' -f -a 'steadfast keepalived.conf'
complete -c steadfast -n __fish_use_subcommand -a completions -d 'print what a shell needs to complete this command line'
complete -c steadfast -n '__fish_seen_subcommand_from completions' -f -a 'bash zsh fish'
complete -c steadfast -n __fish_use_subcommand -a simulate -d 'play an outage through the daemon\'s own machine: a timeline, and how long the address was without a master'
complete -c steadfast -n '__fish_seen_subcommand_from simulate' -l conf
complete -c steadfast -n __fish_use_subcommand -a status -d 'what the running daemon does: states, since when, addresses, priorities term by term, servers and their checks'
complete -c steadfast -n '__fish_seen_subcommand_from status' -l conf
complete -c steadfast -n '__fish_seen_subcommand_from status' -l json
complete -c steadfast -n '__fish_seen_subcommand_from status' -l socket
complete -c steadfast -n '__fish_seen_subcommand_from status' -l watch
complete -c steadfast -n __fish_use_subcommand -a top -d 'the same live in a terminal, from 40 columns and 8 lines on; keys for why, events, drain (asked once more) and normal, `?` lists them'
complete -c steadfast -n '__fish_seen_subcommand_from top' -l conf
complete -c steadfast -n '__fish_seen_subcommand_from top' -l socket
complete -c steadfast -n __fish_use_subcommand -a why -d 'why an instance or a server is in its state: what led there, each term of a priority, what happens next'
complete -c steadfast -n __fish_use_subcommand -a events -d 'what happened, numbered; a reload or the death of a worker loses nothing'
complete -c steadfast -n '__fish_seen_subcommand_from events' -l follow
complete -c steadfast -n '__fish_seen_subcommand_from events' -l from
complete -c steadfast -n '__fish_seen_subcommand_from events' -l json
complete -c steadfast -n __fish_use_subcommand -a record -d 'write what the flight recorder kept: the state of the virtual routers some time ago and everything that moved them since, without passwords and keys'
complete -c steadfast -n __fish_use_subcommand -a replay -d 'play a recording again in the daemon\'s own machine: a timeline of what happened, with --all of every step; says where the machine does something else than it did then'
complete -c steadfast -n '__fish_seen_subcommand_from replay' -l all
complete -c steadfast -n __fish_use_subcommand -a take -d 'make an instance master now; for a time such as 30m, or until `normal`'
complete -c steadfast -n '__fish_seen_subcommand_from take' -l for
complete -c steadfast -n __fish_use_subcommand -a release -d 'give an instance\'s addresses to another router; it serves on while nobody else does'
complete -c steadfast -n '__fish_seen_subcommand_from release' -l for
complete -c steadfast -n __fish_use_subcommand -a drain -d 'every instance of this node gives way, or one does, or a real server gets no new connections; the last server in service is drained only with --force'
complete -c steadfast -n '__fish_seen_subcommand_from drain' -l for
complete -c steadfast -n '__fish_seen_subcommand_from drain' -l force
complete -c steadfast -n '__fish_seen_subcommand_from drain' -l of
complete -c steadfast -n __fish_use_subcommand -a priority -d 'let another base priority count than the configured one'
complete -c steadfast -n '__fish_seen_subcommand_from priority' -l for
complete -c steadfast -n __fish_use_subcommand -a weight -d 'let another weight count than the configured one'
complete -c steadfast -n '__fish_seen_subcommand_from weight' -l for
complete -c steadfast -n '__fish_seen_subcommand_from weight' -l force
complete -c steadfast -n '__fish_seen_subcommand_from weight' -l of
complete -c steadfast -n __fish_use_subcommand -a check-now -d 'make the checks of a real server at once'
complete -c steadfast -n '__fish_seen_subcommand_from check-now' -l of
complete -c steadfast -n __fish_use_subcommand -a normal -d 'let the configuration count again for an instance or a real server'
complete -c steadfast -n '__fish_seen_subcommand_from normal' -l of
complete -c steadfast -n __fish_use_subcommand -a announce -d 'announce a master\'s addresses once more'
complete -c steadfast -n __fish_use_subcommand -a log-level -d 'say or change how much all processes of the daemon log: `quiet` is changes of state of virtual routers, warnings and errors, `detail` is what --log-detail gives, `default` is as it was started'
complete -c steadfast -n '__fish_seen_subcommand_from log-level' -l for
complete -c steadfast -n __fish_use_subcommand -a plan -d 'what a reload with this file would change, and whom it would disturb; changes nothing'
complete -c steadfast -n __fish_use_subcommand -a reload -d 'read the configuration again; says why not when it has errors'
complete -c keepalived -l use-file -s f -d 'configuration file'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l use-file -s f -d 'configuration file'
complete -c keepalived -l vrrp -s P -d 'run without the checkers'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l vrrp -s P -d 'run without the checkers'
complete -c keepalived -l check -s C -d 'run without VRRP'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l check -s C -d 'run without VRRP'
complete -c keepalived -l no_bfd -s B -d 'run without BFD'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l no_bfd -s B -d 'run without BFD'
complete -c keepalived -l all -d 'run everything, whatever the configuration holds'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l all -d 'run everything, whatever the configuration holds'
complete -c keepalived -l log-console -s l -d 'log to standard error too'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l log-console -s l -d 'log to standard error too'
complete -c keepalived -l log-detail -s D -d 'log in detail; twice for more'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l log-detail -s D -d 'log in detail; twice for more'
complete -c keepalived -l log-facility -s S -d 'syslog facility'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l log-facility -s S -d 'syslog facility'
complete -c keepalived -l log-file -s g -d 'log to a file'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l log-file -s g -d 'log to a file'
complete -c keepalived -l flush-log-file -d 'flush the log file after each line'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l flush-log-file -d 'flush the log file after each line'
complete -c keepalived -l no-syslog -s G -d 'do not log to syslog'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l no-syslog -s G -d 'do not log to syslog'
complete -c keepalived -l log-format -d 'how standard error and log files look, whatever the configuration says: keepalived\'s lines, or a JSON object each'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l log-format -d 'how standard error and log files look, whatever the configuration says: keepalived\'s lines, or a JSON object each'
complete -c keepalived -l umask -s u -d 'file creation mask, 0 to 0777'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l umask -s u -d 'file creation mask, 0 to 0777'
complete -c keepalived -l release-vips -s X -d 'remove VIPs on leaving MASTER even when not believed set'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l release-vips -s X -d 'remove VIPs on leaving MASTER even when not believed set'
complete -c keepalived -l dont-release-vrrp -s V -d 'leave VIPs, routes and rules in place at stop'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l dont-release-vrrp -s V -d 'leave VIPs, routes and rules in place at stop'
complete -c keepalived -l dont-release-ipvs -s I -d 'leave the IPVS table in place at stop'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l dont-release-ipvs -s I -d 'leave the IPVS table in place at stop'
complete -c keepalived -l dont-respawn -s R -d 'stop when a worker dies instead of restarting it'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l dont-respawn -s R -d 'stop when a worker dies instead of restarting it'
complete -c keepalived -l dont-fork -s n -d 'stay in the foreground'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l dont-fork -s n -d 'stay in the foreground'
complete -c keepalived -l dump-conf -s d -d 'log the configuration at start'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l dump-conf -s d -d 'log the configuration at start'
complete -c keepalived -l pid -s p -d 'PID file of the supervisor'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l pid -s p -d 'PID file of the supervisor'
complete -c keepalived -l vrrp_pid -s r -d 'PID file of the VRRP worker'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l vrrp_pid -s r -d 'PID file of the VRRP worker'
complete -c keepalived -l checkers_pid -s c -d 'PID file of the checker worker'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l checkers_pid -s c -d 'PID file of the checker worker'
complete -c keepalived -l bfd_pid -s b -d 'PID file of the BFD worker'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l bfd_pid -s b -d 'PID file of the BFD worker'
complete -c keepalived -l genhash -s T -d 'act as genhash with the rest of the line'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l genhash -s T -d 'act as genhash with the rest of the line'
complete -c keepalived -l address-monitoring -s a -d 'log every address added or removed'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l address-monitoring -s a -d 'log every address added or removed'
complete -c keepalived -l snmp -s x -d 'enable SNMP'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l snmp -s x -d 'enable SNMP'
complete -c keepalived -l snmp-agent-socket -s A -d 'AgentX master'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l snmp-agent-socket -s A -d 'AgentX master'
complete -c keepalived -l namespace -s s -d 'network namespace to run in'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l namespace -s s -d 'network namespace to run in'
complete -c keepalived -l core-dump -s m -d 'allow core files of any size'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l core-dump -s m -d 'allow core files of any size'
complete -c keepalived -l core-dump-pattern -s M -d 'set the kernel\'s core pattern; implies -m'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l core-dump-pattern -s M -d 'set the kernel\'s core pattern; implies -m'
complete -c keepalived -l all-config -s e -d 'every include must be readable and match'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l all-config -s e -d 'every include must be readable and match'
complete -c keepalived -l config-id -s i -d 'the name that `@ID` lines are compared with'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l config-id -s i -d 'the name that `@ID` lines are compared with'
complete -c keepalived -l ignore-sigint -d 'do not stop on SIGINT'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l ignore-sigint -d 'do not stop on SIGINT'
complete -c keepalived -l signum -d 'print a signal\'s number and exit: STOP RELOAD DATA STATS STATS_CLEAR JSON'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l signum -d 'print a signal\'s number and exit: STOP RELOAD DATA STATS STATS_CLEAR JSON'
complete -c keepalived -l config-test -s t -d 'test the configuration; messages to stderr or FILE'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l config-test -s t -d 'test the configuration; messages to stderr or FILE'
complete -c keepalived -l version -s v -d 'print the version'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l version -s v -d 'print the version'
complete -c keepalived -l help -s h -d 'print this'
complete -c steadfast -n 'not __fish_seen_subcommand_from run check explain config doctor manual completions simulate status top why events record replay take release drain priority weight check-now normal announce log-level plan reload' -l help -s h -d 'print this'
