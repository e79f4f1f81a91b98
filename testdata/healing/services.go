package healing

// Services are started as their packages have it, with as much configuration as they need to run alone.
var Services = []Service{
	{
		Name: "rsync", Packages: []string{"rsync"}, Daemon: "/usr/bin/rsync", Pidfile: "/run/rsync.pid", Few: true,
		Prepare: `sed -i s/^RSYNC_ENABLE=.*/RSYNC_ENABLE=true/ /etc/default/rsync
			printf 'port = 8730\naddress = 127.0.0.1\n' >/etc/rsyncd.conf
			printf 'port = 8731\naddress = 127.0.0.1\npid file = /run/rsync-other.pid\n' >/etc/rsyncd-other.conf`,
		Second: "env --block-signal rsync --daemon --config=/etc/rsyncd-other.conf",
	},
	{
		Name: "tinc", Packages: []string{"tinc"}, Daemon: "/usr/sbin/tincd", Pidfile: "/run/tinc.net.pid",
		Prepare: `mkdir -p /etc/tinc/net/hosts /etc/tinc/other/hosts
			echo net >/etc/tinc/nets.boot
			for net in net other; do
				port=655; [ $net = net ] || port=656
				printf 'Name = a\nDeviceType = dummy\nAddressFamily = ipv4\nBindToAddress = 127.0.0.1 %s\n' $port >/etc/tinc/$net/tinc.conf
				echo "Port = $port" >/etc/tinc/$net/hosts/a
				tincd -n $net -K2048 </dev/null
			done`,
		Second: "tincd -n other",
		Itself: "start restart reload force-reload",
	},
	{
		Name: "openvpn", Packages: []string{"openvpn"}, Daemon: "/usr/sbin/openvpn", Pidfile: "/run/openvpn/net.pid",
		Prepare: `openvpn --genkey secret /etc/openvpn/key
			printf 'dev null\nremote 127.0.0.1\nlport 1194\nsecret key\ncipher AES-256-CBC\n' >/etc/openvpn/net.conf`,
		Second: "cd /etc/openvpn && openvpn --dev null --remote 127.0.0.1 --lport 1195 --secret key --cipher AES-256-CBC --writepid /run/other.pid --daemon",
	},
	{
		Name: "inspircd", Packages: []string{"inspircd"}, Daemon: "/usr/sbin/inspircd", Pidfile: "/run/inspircd/inspircd.pid",
		// Its init script gives options that inspircd 3 does not know any more.
		Prepare: `echo 'IRCDARGS="--config /etc/inspircd/inspircd.conf"' >/etc/default/inspircd
			echo '<pid file="/run/inspircd/inspircd.pid">' >>/etc/inspircd/inspircd.conf`,
	},
	{
		Name: "isc-dhcp-server", Packages: []string{"isc-dhcp-server"}, Daemon: "/usr/sbin/dhcpd", Pidfile: "/run/dhcpd.pid",
		Itself: "start restart force-reload",
		Prepare: `ip link add dh0 type veth peer name dh1
			ip addr add 10.9.0.1/24 dev dh0; ip link set dh0 up; ip link set dh1 up
			printf 'subnet 10.9.0.0 netmask 255.255.255.0 { range 10.9.0.10 10.9.0.20; }\n' >/etc/dhcp/dhcpd.conf
			echo 'INTERFACESv4="dh0"' >/etc/default/isc-dhcp-server`,
	},
	{
		Name: "stun", Packages: []string{"stun-server"}, Daemon: "/usr/sbin/stund", Pidfile: "/run/stun.pid",
		Prepare: `printf 'START_DAEMON=true\nPRIMARY_IP=127.0.0.1\nSECONDARY_IP=127.0.0.2\nPRIMARY_PORT=3478\nSECONDARY_PORT=3479\nDAEMON_USER=nobody\n' >/etc/default/stun`,
		Second:  "setsid env --block-signal stund -h 127.0.0.3 -a 127.0.0.4 -p 3480 -o 3481 </dev/null >/dev/null 2>&1 &",
	},
	{
		Name: "nbd-server", Packages: []string{"nbd-server"}, Daemon: "/usr/bin/nbd-server", Pidfile: "/run/nbd-server.pid",
		Prepare: `truncate -s 1M /srv/disk && chmod 666 /srv/disk
			printf '[generic]\nlistenaddr = 127.0.0.1\n[disk]\nexportname = /srv/disk\n' >/etc/nbd-server/config`,
	},
	{Name: "xinetd", Packages: []string{"xinetd"}, Daemon: "/usr/sbin/xinetd", Pidfile: "/run/xinetd.pid",
		Second: "xinetd -stayalive -pidfile /run/xinetd-other.pid"},
	{Name: "conserver-server", Packages: []string{"conserver-server"}, Daemon: "/usr/sbin/conserver", Pidfile: "/run/conserver/conserver.pid",
		Prepare: "printf 'config * { }\\naccess * { trusted 127.0.0.1; }\\nconsole a { master localhost; type exec; exec \"cat\"; }\\n' >/etc/conserver/conserver.cf"},
	{Name: "mini-httpd", Packages: []string{"mini-httpd"}, Daemon: "/usr/sbin/mini_httpd", Pidfile: "/run/mini_httpd.pid",
		Prepare: `echo 'START=1
DAEMON_OPTS="-C /etc/mini-httpd.conf"' >/etc/default/mini-httpd; sed -i 's/^host=.*/host=127.0.0.1/; s/^port=.*/port=8085/' /etc/mini-httpd.conf`},
	{Name: "ircd-hybrid", Packages: []string{"ircd-hybrid"}, Daemon: "/usr/sbin/ircd-hybrid", Pidfile: "/run/ircd/ircd-hybrid.pid",
		Itself: "start restart force-reload"},
	{Name: "restartd", Packages: []string{"restartd"}, Daemon: "/usr/sbin/restartd", Pidfile: "/run/restartd.pid",
		Prepare: `echo 'sleeper "nobody-runs-this" "true" "true"' >/etc/restartd.conf`},
	{Name: "ptunnel", Packages: []string{"ptunnel"}, Daemon: "/usr/sbin/ptunnel", Pidfile: "/run/ptunnel.pid",
		Prepare: `echo run_daemon=true >/etc/default/ptunnel`},
	{Name: "postsrsd", Packages: []string{"postsrsd"}, Daemon: "/usr/sbin/postsrsd", Pidfile: "/run/postsrsd.pid", Races: "restart reload force-reload",
		Prepare: `printf 'SRS_DOMAIN=example.org\nSRS_SECRET=/etc/postsrsd.secret\nSRS_SEPARATOR==\nSRS_HASHLENGTH=4\nSRS_HASHMIN=4\nSRS_FORWARD_PORT=10001\nSRS_REVERSE_PORT=10002\nRUN_AS=postsrsd\nCHROOT=/var/lib/postsrsd\nSRS_LISTEN_ADDR=127.0.0.1\n' >/etc/default/postsrsd`},
	{Name: "net-acct", Packages: []string{"net-acct"}, Daemon: "/usr/sbin/nacctd", Pidfile: "/run/nacctd.pid", Races: "restart reload force-reload", Actions: "reload force-reload",
		Itself:  "start restart force-reload",
		Prepare: `sed -i 's/^device.*/device lo/' /etc/naccttab`},
	{Name: "omniorb-eventservice", Packages: []string{"omnievents"}, Daemon: "/usr/sbin/omniEvents", Pidfile: "/run/omniEvents.pid", Actions: "reload force-reload"},
	{Name: "smstools", Packages: []string{"smstools"}, Daemon: "/usr/sbin/smsd", Pidfile: "/run/smstools/smsd.pid"},
	{Name: "saned", Packages: []string{"sane-utils"}, Daemon: "/usr/sbin/saned", Pidfile: "/run/saned.pid", Few: true},
	{Name: "policyd-rate-limit", Packages: []string{"policyd-rate-limit"}, Daemon: "/usr/bin/python3.11", Args: "policyd-rate-limit", File: "/usr/bin/policyd-rate-limit", Pidfile: "/run/policyd-rate-limit/policyd-rate-limit.pid",
		Prepare: "mkdir -p /var/spool/postfix"},
	{Name: "spamass-milter", Packages: []string{"spamass-milter"}, Daemon: "/usr/sbin/spamass-milter", Pidfile: "/run/spamass/spamass.pid"},
	{Name: "wide-dhcpv6-relay", Packages: []string{"wide-dhcpv6-relay"}, Daemon: "/usr/sbin/dhcp6relay", Pidfile: "/run/dhcp6relay.pid", Actions: "force-reload",
		Prepare: `echo 'INTERFACES="lo"' >/etc/default/wide-dhcpv6-relay`},
	{Name: "wide-dhcpv6-client", Packages: []string{"wide-dhcpv6-client"}, Daemon: "/usr/sbin/dhcp6c", Pidfile: "/run/dhcp6c.pid", Actions: "force-reload",
		Prepare: `echo 'INTERFACES="wc0"' >/etc/default/wide-dhcpv6-client; ip link add wc0 type veth peer name wc1; ip link set wc0 up; ip link set wc1 up; printf 'profile default { information-only; };\n' >/etc/wide-dhcpv6/dhcp6c.conf`},
	{Name: "wide-dhcpv6-server", Packages: []string{"wide-dhcpv6-server"}, Daemon: "/usr/sbin/dhcp6s", Pidfile: "/run/dhcp6s.ws0.pid", Actions: "force-reload",
		Prepare: `echo 'INTERFACES="ws0"' >/etc/default/wide-dhcpv6-server; ip link add ws0 type veth peer name ws1; ip link set ws0 up; ip link set ws1 up; printf 'option domain-name-servers ::1;\n' >/etc/wide-dhcpv6/dhcp6s.conf`},
	{Name: "xymon-client", Packages: []string{"xymon-client"}, Daemon: "/usr/lib/xymon/client/bin/xymonlaunch", Pidfile: "/run/xymon/clientlaunch.pid", Actions: "reload",
		Leaves:  "rotate", // whatever has a pidfile there
		Prepare: `printf 'XYMONSERVERS="127.0.0.1"\nCLIENTHOSTNAME="lab"\n' >/etc/default/xymon-client`},
	{Name: "openvswitch-testcontroller", Packages: []string{"openvswitch-testcontroller"}, Daemon: "/usr/bin/ovs-testcontroller", Pidfile: "/run/openvswitch/ovs-testcontroller.pid", Actions: "reload",
		Prepare: `echo 'LISTEN="ptcp:6653:127.0.0.1"' >/etc/default/openvswitch-testcontroller`},
	{Name: "beanstalkd", Packages: []string{"beanstalkd"}, Daemon: "/usr/bin/beanstalkd", Pidfile: "/run/beanstalkd.pid", Actions: "force-stop",
		Prepare: `sed -i 's/^#*START=.*/START=yes/' /etc/default/beanstalkd`,
		Second:  "setsid env --block-signal beanstalkd -l 127.0.0.1 -p 11311 </dev/null >/dev/null 2>&1 &"},
	{Name: "squid", Packages: []string{"squid"}, Daemon: "/usr/sbin/squid", Pidfile: "/run/squid.pid",
		Prepare: `printf 'http_port 127.0.0.1:3128\nhttp_access deny all\nshutdown_lifetime 1 seconds\ncache_mem 8 MB\n' >/etc/squid/squid.conf`},
	{Name: "apt-cacher", Packages: []string{"apt-cacher"}, Daemon: "/usr/bin/perl", Args: "apt-cacher", File: "/usr/sbin/apt-cacher", Pidfile: "/run/apt-cacher/apt-cacher.pid"},
	{
		Name: "apache2", Packages: []string{"apache2", "apache2-bin", "apache2-data", "apache2-utils"}, Daemon: "/usr/sbin/apache2", Pidfile: "/run/apache2/apache2.pid",
		Actions: "graceful",
		Itself:  "start restart", // apache2 -k start
		Prepare: `touch /etc/logrotate.d/apache2
			sh /usr/share/doc/apache2/examples/setup-instance foo
			printf 'Listen 127.0.0.1:8091\nServerName main\n' >/etc/apache2/ports.conf
			printf 'Listen 127.0.0.1:8092\nServerName foo\n' >/etc/apache2-foo/ports.conf`,
		Second: "/etc/init.d/apache2-foo start",
	},
	{Name: "wesnoth-1.16-server", Packages: []string{"wesnoth-1.16-server"}, Daemon: "/usr/games/wesnothd-1.16", Pidfile: "/run/wesnoth-1.16-server.pid", Few: true, Actions: "reload"},
	{Name: "nagios4", Packages: []string{"nagios4-common", "nagios4-core"}, Daemon: "/usr/sbin/nagios4", Pidfile: "/run/nagios4/nagios4.pid", Actions: "check"},
	{Name: "cvsd", Packages: []string{"cvsd"}, Daemon: "/usr/sbin/cvsd", Pidfile: "/run/cvsd.pid",
		Prepare: `sed -i 's,^ *PidFile .*,PidFile /run/cvsd.pid,; s/^ *Listen .*/Listen 127.0.0.1 2401/' /etc/cvsd/cvsd.conf`},
}
