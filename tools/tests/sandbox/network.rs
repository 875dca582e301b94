//! Attempts to reach anything over a network or a socket.

use std::{
    net::{TcpListener, UdpSocket},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram, UnixListener},
    },
    time::Duration,
};

use catena_tools::Workspace;

use crate::support::{outside, python, refused, refused_only_within};

/// Whether anyone has connected by now.
fn was_reached(listener: &TcpListener) -> bool {
    listener.set_nonblocking(true).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    listener.accept().is_ok()
}

#[test]
fn tcp_to_a_server_of_the_host_on_the_loopback() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let program =
        format!("attempt(lambda: socket.create_connection(('127.0.0.1', {port}), 2) and 1)");
    refused(&program, &["EPERM"]);
    assert!(!was_reached(&server));
    assert!(outside(&program).starts_with("DONE"));
    assert!(was_reached(&server));
}

#[test]
fn tcp_over_ipv6() {
    refused_only_within(
        "attempt(lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM) and 1)",
        &["EPERM"],
    );
}

#[test]
fn udp_to_a_server_of_the_host() {
    let server = UdpSocket::bind("127.0.0.1:0").unwrap();
    server
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    let port = server.local_addr().unwrap().port();
    let program = format!(
        "attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', {port})))"
    );
    refused(&program, &["EPERM"]);
    assert!(server.recv(&mut [0; 8]).is_err());
    outside(&program);
    assert!(server.recv(&mut [0; 8]).is_ok());
}

#[test]
fn listening_for_the_host() {
    refused_only_within(
        "attempt(lambda: socket.create_server(('0.0.0.0', 0)) and 1)",
        &["EPERM"],
    );
}

#[test]
fn asking_the_name_service() {
    // It has errors of its own; what it needs for an answer is refused.
    let output = python(
        "try:\n  print('DONE', socket.getaddrinfo('example.com', 80))\nexcept socket.gaierror:\n  print('no answer')",
    );
    assert_eq!(output.stdout.text, "no answer\n", "{output:?}");
}

#[test]
fn raw_sockets() {
    refused(
        "attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))",
        &["EPERM"],
    );
}

#[test]
fn packet_sockets() {
    refused(
        "attempt(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW))",
        &["EPERM"],
    );
}

#[test]
fn netlink_to_the_kernel() {
    refused_only_within(
        "attempt(lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) and 1)",
        &["EPERM"],
    );
}

#[test]
fn vsock_to_the_host_of_the_virtual_machine() {
    refused(
        "attempt(lambda: socket.socket(40, socket.SOCK_STREAM))",
        &["EPERM"],
    );
}

#[test]
fn kernel_crypto_sockets() {
    refused(
        "attempt(lambda: socket.socket(38, socket.SOCK_SEQPACKET))",
        &["EPERM"],
    );
}

#[test]
fn a_unix_socket_of_the_host() {
    let folder = Workspace::new().unwrap();
    let path = folder.path().join("socket");
    let server = UnixListener::bind(&path).unwrap();
    server.set_nonblocking(true).unwrap();
    let program = format!(
        "def connect():\n  s = socket.socket(socket.AF_UNIX)\n  s.connect({path:?})\n  return 1\nattempt(connect)"
    );
    refused(&program, &["ENOENT", "EACCES"]);
    assert!(server.accept().is_err());
    outside(&program);
    assert!(server.accept().is_ok());
}

#[test]
fn an_abstract_unix_socket_of_the_host() {
    let name = format!("catena-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let server = UnixDatagram::bind_addr(&address).unwrap();
    server.set_nonblocking(true).unwrap();
    let program = format!(
        "attempt(lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', '\\0{name}'))"
    );
    refused(&program, &["ECONNREFUSED", "EPERM"]);
    assert!(server.recv(&mut [0; 8]).is_err());
    outside(&program);
    assert!(server.recv(&mut [0; 8]).is_ok());
}

#[test]
fn a_socket_pair_of_another_family() {
    refused(
        "attempt(lambda: socket.socketpair(socket.AF_INET))",
        &["EPERM", "EOPNOTSUPP"],
    );
}

#[test]
fn interfaces_of_the_host_are_not_even_seen() {
    let output = python(
        "import glob\nattempt(lambda: read('/proc/net/tcp'))\nattempt(lambda: os.listdir('/sys/class/net'))",
    );
    // Of its own, empty network at most.
    assert!(!output.stdout.text.contains("eth0"), "{output:?}");
    assert!(
        output.stdout.text.ends_with("REFUSED ENOENT\n"),
        "{output:?}"
    );
}
