//! SOCKS5 (RFC 1928) with user name and password (RFC 1929), as far as
//! `CONNECT` needs it.

use super::fault::{Fault, Whose};
use crate::config::Login;
use std::io;
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const BY_LOGIN: u8 = 2;
const NONE_FITS: u8 = 0xFF;
const LOGIN_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Where a connection is to lead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// To an address.
    Ip(IpAddr),
    /// To a name that the proxy resolves.
    Name(String),
}

/// Has the proxy connect to `target`.
pub(super) async fn open<S>(
    stream: &mut S,
    target: &Target,
    port: u16,
    login: Option<&Login>,
) -> Result<(), Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    greet(stream, login).await?;
    let mut request = vec![VERSION, CONNECT, 0];
    match target {
        Target::Ip(IpAddr::V4(ip)) => {
            request.push(IPV4);
            request.extend_from_slice(&ip.octets());
        }
        Target::Ip(IpAddr::V6(ip)) => {
            request.push(IPV6);
            request.extend_from_slice(&ip.octets());
        }
        Target::Name(name) => {
            let Ok(length) = u8::try_from(name.len()) else {
                let words = "the host's name is longer than SOCKS5 can carry";
                return Err(Fault::new(Whose::Either, words));
            };
            request.extend_from_slice(&[NAME, length]);
            request.extend_from_slice(name.as_bytes());
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    send(stream, &request).await?;
    let [version, reply, _, kind] = read(stream).await?;
    if version != VERSION {
        return Err(not_socks());
    }
    if reply != 0 {
        return Err(Fault::of_reply(reply));
    }
    // The address by which the proxy goes out, which nobody needs.
    let length = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => usize::from(read::<1, _>(stream).await?[0]),
        _ => return Err(not_socks()),
    };
    let mut address = [0; 255 + 2];
    let address = &mut address[..length + 2];
    stream.read_exact(address).await.map_err(|e| broke(&e))?;
    Ok(())
}

/// Settles how to log in, and does.
async fn greet<S>(stream: &mut S, login: Option<&Login>) -> Result<(), Fault>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match login {
        Some(_) => send(stream, &[VERSION, 2, NO_LOGIN, BY_LOGIN]).await?,
        None => send(stream, &[VERSION, 1, NO_LOGIN]).await?,
    }
    let [version, method] = read(stream).await?;
    match (version, method, login) {
        (VERSION, NO_LOGIN, _) => Ok(()),
        (VERSION, BY_LOGIN, Some(login)) => {
            // Neither is longer than 255 bytes: its parser saw to that.
            let mut request = vec![LOGIN_VERSION];
            for part in [&login.user, &login.password] {
                let part = &part.as_bytes()[..part.len().min(255)];
                request.push(u8::try_from(part.len()).unwrap_or(u8::MAX));
                request.extend_from_slice(part);
            }
            send(stream, &request).await?;
            match read(stream).await? {
                [_, 0] => Ok(()),
                _ => Err(Fault::new(
                    Whose::Login,
                    "the proxy wants other credentials",
                )),
            }
        }
        (VERSION, NONE_FITS, Some(_)) => Err(Fault::new(
            Whose::Login,
            "the proxy takes neither these credentials nor none",
        )),
        (VERSION, NONE_FITS, None) => Err(Fault::new(
            Whose::Login,
            "the proxy wants credentials, and none are given",
        )),
        _ => Err(not_socks()),
    }
}

async fn send<S: AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> Result<(), Fault> {
    stream.write_all(bytes).await.map_err(|e| broke(&e))
}

async fn read<const N: usize, S: AsyncRead + Unpin>(stream: &mut S) -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    match stream.read_exact(&mut bytes).await {
        Ok(_) => Ok(bytes),
        Err(error) => Err(broke(&error)),
    }
}

fn not_socks() -> Fault {
    Fault::new(Whose::Exit, "the proxy does not speak SOCKS5")
}

fn broke(error: &io::Error) -> Fault {
    let words = match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            "the proxy closed the connection within the SOCKS5 handshake".to_owned()
        }
        _ => format!("the connection to the proxy broke: {error}"),
    };
    Fault::new(Whose::Exit, words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn login() -> Login {
        Login {
            user: "us3r".to_owned(),
            password: "s3cret".to_owned(),
        }
    }

    /// What came of a proxy that says all of `answers` at once, and what it heard.
    async fn answered(
        answers: &[u8],
        target: &Target,
        login: Option<&Login>,
    ) -> (Result<(), Fault>, Vec<u8>) {
        let (mut near, mut far) = tokio::io::duplex(4096);
        far.write_all(answers).await.unwrap();
        far.shutdown().await.unwrap();
        let result = open(&mut near, target, 443, login).await;
        drop(near);
        let mut sent = Vec::new();
        far.read_to_end(&mut sent).await.unwrap();
        (result, sent)
    }

    #[tokio::test]
    async fn names_and_addresses_are_sent_as_they_are_to_be() {
        let done = [5, 0, 5, 0, 0, 1, 9, 9, 9, 9, 0, 1];
        for (target, expected) in [
            (
                Target::Name("a.test".to_owned()),
                [&[5, 1, 0, 3, 6][..], b"a.test", &[1, 187]].concat(),
            ),
            (
                Target::Ip("1.2.3.4".parse().unwrap()),
                vec![5, 1, 0, 1, 1, 2, 3, 4, 1, 187],
            ),
            (
                Target::Ip("2000::1".parse().unwrap()),
                [&[5, 1, 0, 4, 0x20, 0][..], &[0; 13], &[1], &[1, 187]].concat(),
            ),
        ] {
            let (result, sent) = answered(&done, &target, None).await;
            assert_eq!(result, Ok(()));
            assert_eq!(sent, [&[5, 1, 0][..], &expected].concat(), "{target:?}");
        }
    }

    #[tokio::test]
    async fn the_login_is_sent_where_it_is_wanted() {
        let target = Target::Ip("1.2.3.4".parse().unwrap());
        let end = [5, 0, 0, 3, 2, b'x', b'y', 0, 1];
        let wanted = [&[5, 2, 1, 0][..], &end].concat();
        let (result, sent) = answered(&wanted, &target, Some(&login())).await;
        assert_eq!(result, Ok(()));
        let pair = [&[1, 4][..], b"us3r", &[6], b"s3cret"].concat();
        assert!(sent.windows(pair.len()).any(|window| window == pair));

        let not_wanted = [&[5, 0][..], &end].concat();
        let (result, sent) = answered(&not_wanted, &target, Some(&login())).await;
        assert_eq!(result, Ok(()));
        assert!(!sent.windows(6).any(|window| window == b"s3cret"));
    }

    #[tokio::test]
    async fn refusals_and_rubbish() {
        let with = Some(login());
        let cases: &[(&[u8], &Option<Login>, Whose, &str)] = &[
            (&[5, 2, 1, 1], &with, Whose::Login, "other credentials"),
            (&[5, 0xFF], &with, Whose::Login, "neither"),
            (&[5, 0xFF], &None, Whose::Login, "none are given"),
            (&[5, 2], &None, Whose::Exit, "does not speak SOCKS5"),
            (b"HTTP/1.1 400", &None, Whose::Exit, "does not speak SOCKS5"),
            (&[4, 0], &None, Whose::Exit, "does not speak SOCKS5"),
            (&[], &None, Whose::Exit, "closed the connection"),
            (&[5], &None, Whose::Exit, "closed the connection"),
            (&[5, 0, 5, 0, 0, 1, 1], &None, Whose::Exit, "closed"),
            (&[5, 0, 5, 0, 0, 9], &None, Whose::Exit, "does not speak"),
            (&[5, 0, 4, 0, 0, 1], &None, Whose::Exit, "does not speak"),
            (&[5, 0, 5, 1, 0, 1], &None, Whose::Either, "general failure"),
            (&[5, 0, 5, 2, 0, 1], &None, Whose::Either, "rules forbid"),
            (&[5, 0, 5, 4, 0, 1], &None, Whose::Either, "unreachable"),
            (&[5, 0, 5, 5, 0, 1], &None, Whose::Either, "refused"),
            (&[5, 0, 5, 99, 0, 1], &None, Whose::Either, "not exist"),
        ];
        let target = Target::Name("a.test".to_owned());
        for (answers, login, whose, words) in cases {
            let (result, _) = answered(answers, &target, login.as_ref()).await;
            let fault = result.unwrap_err();
            assert_eq!(fault.whose, *whose, "{answers:?}: {fault}");
            assert!(fault.words.contains(words), "{answers:?}: {fault}");
        }
        let long = Target::Name("x".repeat(300));
        let (result, _) = answered(&[5, 0], &long, None).await;
        assert!(result.unwrap_err().words.contains("longer"));
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic_or_hang(answers: Vec<u8>, with_login: bool) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let login = with_login.then(login);
            let target = Target::Name("a.test".to_owned());
            let answers = &answers[..answers.len().min(4096)];
            let (result, _) = runtime.block_on(answered(answers, &target, login.as_ref()));
            if let Err(fault) = result {
                prop_assert!(!fault.words.contains("s3cret"));
            }
        }
    }
}
