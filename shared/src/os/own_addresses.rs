//! This machine's addresses, as other machines know them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// The addresses from which this machine reaches others: one of IPv4 and one of IPv6 at most, and
/// none without a network. std lists no interfaces; a list would contain bridges and tunnels, too.
pub fn own_addresses() -> Vec<IpAddr> {
    // Addresses for documentation, which belong to no machine. Connecting a UDP socket sends nothing,
    // but lets the OS choose the address to send from.
    let v4 = source(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into());
    let v6 =
        source(Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into());
    [v4, v6].into_iter().flatten().filter(|address| !address.is_loopback()).collect()
}

fn source(any: IpAddr, remote: IpAddr) -> io::Result<IpAddr> {
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect((remote, 9))?;
    Ok(socket.local_addr()?.ip())
}
