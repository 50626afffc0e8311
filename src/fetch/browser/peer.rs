//! Whose process is at the other end of a connection of loopback: other users of
//! the machine can reach the port too.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use tokio::net::TcpStream;

/// The kernel's tables of connections (proc_net_tcp.txt in its documentation). A
/// socket of IPv6 that is connected to an address of IPv4 stands in the second.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];

/// Whether a client is a process of this user. Where the system does not tell,
/// all are taken for that.
pub(super) async fn is_ours(client: &TcpStream) -> bool {
    let (Ok(far), Ok(near)) = (client.peer_addr(), client.local_addr()) else {
        return false;
    };
    let own = rustix::process::getuid().as_raw();
    // Its rows are as many as the machine has connections.
    let asked = tokio::task::spawn_blocking(move || owner(far, near)).await;
    match asked {
        Ok(Ok(user)) => user == Some(own),
        Ok(Err(_)) | Err(_) => true,
    }
}

/// The user whose socket has its own end at `local`, and the other at `remote`.
fn owner(local: SocketAddr, remote: SocketAddr) -> io::Result<Option<u32>> {
    for (n, table) in TABLES.iter().enumerate() {
        let file = match File::open(table) {
            Ok(file) => file,
            // The machine may be without IPv6.
            Err(_) if n > 0 => continue,
            Err(error) => return Err(error),
        };
        if let Some(user) = find(BufReader::new(file), local, remote)? {
            return Ok(Some(user));
        }
    }
    Ok(None)
}

fn find(table: impl BufRead, local: SocketAddr, remote: SocketAddr) -> io::Result<Option<u32>> {
    for line in table.lines().skip(1) {
        if let Some((ends, user)) = row(&line?)
            && ends == [local, remote]
        {
            return Ok(Some(user));
        }
    }
    Ok(None)
}

/// Both ends and the user of a row.
fn row(line: &str) -> Option<([SocketAddr; 2], u32)> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let ends = [end(fields.next()?)?, end(fields.next()?)?];
    // Between them: state, queues, timer, retransmits.
    Some((ends, fields.nth(4)?.parse().ok()?))
}

/// An address and a port: words of 32 bits in hexadecimal digits, whose bytes
/// stand in memory as they go over the wire; then the port as a number.
fn end(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words: Option<Vec<[u8; 4]>> = (0..address.len())
        .step_by(8)
        .map(|at| u32::from_str_radix(address.get(at..at + 8)?, 16).ok())
        .map(|word| word.map(u32::to_ne_bytes))
        .collect();
    let ip = match words?[..] {
        [word] => IpAddr::from(word),
        [a, b, c, d] => {
            let bytes: [u8; 16] = [a, b, c, d].concat().try_into().ok()?;
            Ipv6Addr::from(bytes).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::net::TcpListener;

    /// An end as the kernel of this machine writes it.
    fn written(end: SocketAddr, wide: bool) -> String {
        let bytes = match (end.ip(), wide) {
            (IpAddr::V4(ip), false) => ip.octets().to_vec(),
            (IpAddr::V4(ip), true) => ip.to_ipv6_mapped().octets().to_vec(),
            (IpAddr::V6(ip), _) => ip.octets().to_vec(),
        };
        let words = bytes.chunks(4).map(|word| {
            let word = u32::from_ne_bytes(word.try_into().unwrap());
            format!("{word:08X}")
        });
        format!("{}:{:04X}", words.collect::<String>(), end.port())
    }

    fn line(ends: [&str; 2], wide: bool, user: u32) -> String {
        let [local, remote] = ends.map(|end| written(end.parse().unwrap(), wide));
        format!(
            "   7: {local} {remote} 01 00000000:00000000 02:0004A2B0 00000000 {user:>5}        0 \
             81234 2 0000000000000000 20 4 30 10 -1\n"
        )
    }

    #[test]
    fn the_row_of_a_connection_is_found_by_both_its_ends() {
        let (client, relay) = ("127.0.0.1:40001", "127.0.0.1:3333");
        let header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when \
                      retrnsmt   uid  timeout inode\n";
        let other = line(["127.0.0.1:40002", relay], false, 7);
        // The relay's own end of the same connection.
        let ours = line([relay, client], false, 8);
        let seek = |rows: &[&str]| {
            let table = format!("{header}{}", rows.concat());
            let (local, remote) = (client.parse().unwrap(), relay.parse().unwrap());
            find(table.as_bytes(), local, remote).unwrap()
        };
        assert_eq!(seek(&[]), None);
        assert_eq!(seek(&[&other, &ours]), None);
        let row = line([client, relay], false, 1000);
        assert_eq!(seek(&[&other, &ours, &row]), Some(1000));
        let mapped = line([client, relay], true, 1001);
        assert_eq!(seek(&["rubbish\n", &mapped]), Some(1001));
    }

    #[tokio::test]
    async fn a_client_of_this_process_is_ours() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await;
        let (accepted, _) = listener.accept().await.unwrap();
        assert!(is_ours(&accepted).await);
        if cfg!(target_os = "linux") {
            let near = near.unwrap();
            let (local, remote) = (near.local_addr().unwrap(), near.peer_addr().unwrap());
            let own = rustix::process::getuid().as_raw();
            assert_eq!(owner(local, remote).unwrap(), Some(own));
        }
    }

    proptest! {
        #[test]
        fn no_row_makes_it_panic(text in "[ 0-9A-F:\u{e9}]{0,80}") {
            let _ = row(&text);
            let _ = end(&text);
        }
    }
}
