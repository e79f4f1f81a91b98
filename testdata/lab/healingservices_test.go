//go:build healing

package lab

// patchedServices are started as their packages have it, with as much configuration as they need to run alone.
var patchedServices = []patched{
	{
		name: "rsync", packages: []string{"rsync"}, daemon: "/usr/bin/rsync", pidfile: "/run/rsync.pid", few: true,
		prepare: `sed -i s/^RSYNC_ENABLE=.*/RSYNC_ENABLE=true/ /etc/default/rsync
			printf 'port = 8730\naddress = 127.0.0.1\n' >/etc/rsyncd.conf
			printf 'port = 8731\naddress = 127.0.0.1\npid file = /run/rsync-other.pid\n' >/etc/rsyncd-other.conf`,
		second: "env --block-signal rsync --daemon --config=/etc/rsyncd-other.conf",
	},
	{
		name: "tinc", packages: []string{"tinc"}, daemon: "/usr/sbin/tincd", pidfile: "/run/tinc.net.pid", few: true,
		prepare: `mkdir -p /etc/tinc/net/hosts /etc/tinc/other/hosts
			echo net >/etc/tinc/nets.boot
			for net in net other; do
				port=655; [ $net = net ] || port=656
				printf 'Name = a\nDeviceType = dummy\nAddressFamily = ipv4\nBindToAddress = 127.0.0.1 %s\n' $port >/etc/tinc/$net/tinc.conf
				echo "Port = $port" >/etc/tinc/$net/hosts/a
				tincd -n $net -K2048 </dev/null
			done`,
		second: "tincd -n other",
		itself: "start restart reload force-reload",
	},
	{
		name: "openvpn", packages: []string{"openvpn"}, daemon: "/usr/sbin/openvpn", pidfile: "/run/openvpn/net.pid", few: true,
		prepare: `openvpn --genkey secret /etc/openvpn/key
			printf 'dev null\nremote 127.0.0.1\nlport 1194\nsecret key\ncipher AES-256-CBC\n' >/etc/openvpn/net.conf`,
		second: "cd /etc/openvpn && openvpn --dev null --remote 127.0.0.1 --lport 1195 --secret key --cipher AES-256-CBC --writepid /run/other.pid --daemon",
	},
	{
		name: "inspircd", packages: []string{"inspircd"}, daemon: "/usr/sbin/inspircd", pidfile: "/run/inspircd/inspircd.pid", few: true,
		// Its init script gives options that inspircd 3 does not know any more.
		prepare: `echo 'IRCDARGS="--config /etc/inspircd/inspircd.conf"' >/etc/default/inspircd
			echo '<pid file="/run/inspircd/inspircd.pid">' >>/etc/inspircd/inspircd.conf`,
	},
	{
		name: "isc-dhcp-server", packages: []string{"isc-dhcp-server"}, daemon: "/usr/sbin/dhcpd", pidfile: "/run/dhcpd.pid",
		itself: "start restart force-reload",
		prepare: `ip link add dh0 type veth peer name dh1
			ip addr add 10.9.0.1/24 dev dh0; ip link set dh0 up; ip link set dh1 up
			printf 'subnet 10.9.0.0 netmask 255.255.255.0 { range 10.9.0.10 10.9.0.20; }\n' >/etc/dhcp/dhcpd.conf
			echo 'INTERFACESv4="dh0"' >/etc/default/isc-dhcp-server`,
	},
	{
		name: "stun", packages: []string{"stun-server"}, daemon: "/usr/sbin/stund", pidfile: "/run/stun.pid", few: true,
		prepare: `printf 'START_DAEMON=true\nPRIMARY_IP=127.0.0.1\nSECONDARY_IP=127.0.0.2\nPRIMARY_PORT=3478\nSECONDARY_PORT=3479\nDAEMON_USER=nobody\n' >/etc/default/stun`,
		second:  "setsid env --block-signal stund -h 127.0.0.3 -a 127.0.0.4 -p 3480 -o 3481 </dev/null >/dev/null 2>&1 &",
	},
	{
		name: "nbd-server", packages: []string{"nbd-server"}, daemon: "/usr/bin/nbd-server", pidfile: "/run/nbd-server.pid",
		prepare: `truncate -s 1M /srv/disk && chmod 666 /srv/disk
			printf '[generic]\nlistenaddr = 127.0.0.1\n[disk]\nexportname = /srv/disk\n' >/etc/nbd-server/config`,
	},
	{name: "beanstalkd", packages: []string{"beanstalkd"}, daemon: "/usr/bin/beanstalkd", pidfile: "/run/beanstalkd.pid",
		second: "setsid env --block-signal beanstalkd -l 127.0.0.1 -p 11311 </dev/null >/dev/null 2>&1 &"},
	{name: "xinetd", packages: []string{"xinetd"}, daemon: "/usr/sbin/xinetd", pidfile: "/run/xinetd.pid",
		second: "xinetd -stayalive -pidfile /run/xinetd-other.pid"},
	{
		name: "dnsmasq", packages: []string{"dnsmasq", "dnsmasq-base"}, daemon: "/usr/sbin/dnsmasq", pidfile: "/run/dnsmasq/dnsmasq.pid",
		prepare: `printf 'port=5353\nlisten-address=127.0.0.1\nbind-interfaces\n' >/etc/dnsmasq.d/lab`,
		second:  "dnsmasq -C /dev/null -p 5354 -a 127.0.0.1 -z -x /run/dnsmasq-other.pid",
	},
	{name: "conserver-server", packages: []string{"conserver-server"}, daemon: "/usr/sbin/conserver", pidfile: "/run/conserver/conserver.pid",
		prepare: "printf 'config * { }\\naccess * { trusted 127.0.0.1; }\\nconsole a { master localhost; type exec; exec \"cat\"; }\\n' >/etc/conserver/conserver.cf"},
	{name: "mini-httpd", packages: []string{"mini-httpd"}, daemon: "/usr/sbin/mini_httpd", pidfile: "/run/mini_httpd.pid",
		prepare: `echo 'START=1
DAEMON_OPTS="-C /etc/mini-httpd.conf"' >/etc/default/mini-httpd; sed -i 's/^host=.*/host=127.0.0.1/; s/^port=.*/port=8085/' /etc/mini-httpd.conf`},
	{name: "ircd-hybrid", packages: []string{"ircd-hybrid"}, daemon: "/usr/sbin/ircd-hybrid", pidfile: "/run/ircd/ircd-hybrid.pid",
		itself: "start restart force-reload"},
	{name: "nield", packages: []string{"nield"}, daemon: "/usr/sbin/nield", pidfile: "/run/nield.pid",
		itself: "start restart force-reload"},
	{name: "restartd", packages: []string{"restartd"}, daemon: "/usr/sbin/restartd", pidfile: "/run/restartd.pid",
		prepare: `echo 'sleeper "nobody-runs-this" "true" "true"' >/etc/restartd.conf`},
	{name: "ptunnel", packages: []string{"ptunnel"}, daemon: "/usr/sbin/ptunnel", pidfile: "/run/ptunnel.pid", few: true,
		prepare: `echo run_daemon=true >/etc/default/ptunnel`},
	{name: "farpd", packages: []string{"farpd"}, daemon: "/usr/sbin/farpd", pidfile: "/run/farpd.pid",
		prepare: `ip link add fa0 type veth peer name fa1; ip addr add 10.8.0.1/24 dev fa0; ip link set fa0 up; ip link set fa1 up
			printf 'INTERFACE=fa0\nNETWORK=10.8.0.9\n' >/etc/default/farpd`},
	{name: "postsrsd", packages: []string{"postsrsd"}, daemon: "/usr/sbin/postsrsd", pidfile: "/run/postsrsd.pid",
		prepare: `printf 'SRS_DOMAIN=example.org\nSRS_SECRET=/etc/postsrsd.secret\nSRS_SEPARATOR==\nSRS_HASHLENGTH=4\nSRS_HASHMIN=4\nSRS_FORWARD_PORT=10001\nSRS_REVERSE_PORT=10002\nRUN_AS=postsrsd\nCHROOT=/var/lib/postsrsd\nSRS_LISTEN_ADDR=127.0.0.1\n' >/etc/default/postsrsd`},
	{name: "tor", packages: []string{"tor"}, daemon: "/usr/bin/tor", pidfile: "/run/tor/tor.pid",
		leaves:  "status", // start-stop-daemon --pid, which audit leaves
		prepare: `printf 'DisableNetwork 1\nSocksPort 0\n' >/etc/tor/torrc`},
	{name: "minisapserver", packages: []string{"minisapserver"}, daemon: "/usr/bin/sapserver", pidfile: "/run/minisapserver.pid",
		prepare: `printf 'DAEMON_OPTS=""\nRUN="yes"\n' >/etc/default/minisapserver`},
	{name: "dicod", packages: []string{"dicod"}, daemon: "/usr/bin/dicod", pidfile: "/run/dicod/dicod.pid",
		prepare: `printf 'DICOD_DISABLED=0\nDAEMON_OPTS=""\n' >/etc/default/dicod`},
	{name: "ddclient", packages: []string{"ddclient"}, daemon: "/usr/bin/perl", args: "ddclient", file: "/usr/bin/ddclient", pidfile: "/run/ddclient.pid",
		prepare: `printf 'run_daemon="true"\ndaemon_interval="300"\nrun_dhclient=false\nrun_ipup=false\n' >/etc/default/ddclient
			printf 'protocol=dyndns2\nuse=if, if=lo\nserver=127.0.0.1\nlogin=a\npassword=b\nexample.org\n' >/etc/ddclient.conf`},
	{name: "net-acct", packages: []string{"net-acct"}, daemon: "/usr/sbin/nacctd", pidfile: "/run/nacctd.pid",
		itself:  "start restart force-reload",
		prepare: `sed -i 's/^device.*/device lo/' /etc/naccttab`},
	{name: "omniorb-eventservice", packages: []string{"omnievents"}, daemon: "/usr/sbin/omniEvents", pidfile: "/run/omniEvents.pid"},
	{name: "smstools", packages: []string{"smstools"}, daemon: "/usr/sbin/smsd", pidfile: "/run/smstools/smsd.pid"},
	{name: "saned", packages: []string{"sane-utils"}, daemon: "/usr/sbin/saned", pidfile: "/run/saned.pid"},
	{name: "policyd-rate-limit", packages: []string{"policyd-rate-limit"}, daemon: "/usr/bin/python3.11", args: "policyd-rate-limit", file: "/usr/bin/policyd-rate-limit", pidfile: "/run/policyd-rate-limit/policyd-rate-limit.pid",
		prepare: "mkdir -p /var/spool/postfix"},
	{name: "spamass-milter", packages: []string{"spamass-milter"}, daemon: "/usr/sbin/spamass-milter", pidfile: "/run/spamass/spamass.pid"},
	{name: "wide-dhcpv6-relay", packages: []string{"wide-dhcpv6-relay"}, daemon: "/usr/sbin/dhcp6relay", pidfile: "/run/dhcp6relay.pid",
		prepare: `echo 'INTERFACES="lo"' >/etc/default/wide-dhcpv6-relay`},
	{name: "wide-dhcpv6-client", packages: []string{"wide-dhcpv6-client"}, daemon: "/usr/sbin/dhcp6c", pidfile: "/run/dhcp6c.pid",
		prepare: `echo 'INTERFACES="wc0"' >/etc/default/wide-dhcpv6-client; ip link add wc0 type veth peer name wc1; ip link set wc0 up; ip link set wc1 up; printf 'profile default { information-only; };\n' >/etc/wide-dhcpv6/dhcp6c.conf`},
	{name: "wide-dhcpv6-server", packages: []string{"wide-dhcpv6-server"}, daemon: "/usr/sbin/dhcp6s", pidfile: "/run/dhcp6s.ws0.pid",
		prepare: `echo 'INTERFACES="ws0"' >/etc/default/wide-dhcpv6-server; ip link add ws0 type veth peer name ws1; ip link set ws0 up; ip link set ws1 up; printf 'option domain-name-servers ::1;\n' >/etc/wide-dhcpv6/dhcp6s.conf`},
	{name: "xymon-client", packages: []string{"xymon-client"}, daemon: "/usr/lib/xymon/client/bin/xymonlaunch", pidfile: "/run/xymon/clientlaunch.pid",
		leaves:  "rotate", // whatever has a pidfile there
		prepare: `printf 'XYMONSERVERS="127.0.0.1"\nCLIENTHOSTNAME="lab"\n' >/etc/default/xymon-client`},
	{name: "openvswitch-testcontroller", packages: []string{"openvswitch-testcontroller"}, daemon: "/usr/bin/ovs-testcontroller", pidfile: "/run/openvswitch/ovs-testcontroller.pid",
		prepare: `echo 'LISTEN="ptcp:6653:127.0.0.1"' >/etc/default/openvswitch-testcontroller`},
	{name: "squid", packages: []string{"squid"}, daemon: "/usr/sbin/squid", pidfile: "/run/squid.pid",
		prepare: `printf 'http_port 127.0.0.1:3128\nhttp_access deny all\nshutdown_lifetime 1 seconds\ncache_mem 8 MB\n' >/etc/squid/squid.conf`},
	{name: "apt-cacher", packages: []string{"apt-cacher"}, daemon: "/usr/bin/perl", args: "apt-cacher", file: "/usr/sbin/apt-cacher", pidfile: "/run/apt-cacher/apt-cacher.pid"},
}
