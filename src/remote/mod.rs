//! The control socket: decks and scripts on a crawl that runs in another
//! process.
//!
//! A running job listens on the Unix socket `control.sock` in its folder, mode
//! 0600; only the same user (and root) is let in. Both sides speak lines, each
//! one JSON object with one key, its kind. The client begins with `hello`; what
//! it may say and hear after that, an example each (`socat - UNIX:control.sock`
//! will do for a client):
//!
//! ```text
//! > {"hello":{"protocol":1,"client":"by hand","origin":"ctl"}}
//! < {"hello":{"protocol":1,"version":"0.1.0","pid":4711,"title":"books","dir":"/srv/books.crawl","sites":["books"]}}
//!
//! > {"words":{"id":1,"words":"pause books"}}           in the words of `crawldeck ctl`
//! > {"command":{"id":2,"command":{"pause":{"site":0}}}} the same as data; sites by their place
//! < {"answer":{"id":1,"answer":{"done":"on hold"}}}
//! < {"answer":{"id":2,"answer":{"refused":"there is no such site"}}}
//!
//! > {"ask":{"id":3,"ask":{"page":7}}}                   any question of `bus::Ask`
//! < {"told":{"id":3,"told":{"page":null}}}
//!
//! > {"subscribe":{"per_second":5}}                      at most so many pictures, 1 to 10
//! < {"snapshot":{"number":12,"full":true,"elapsed_ms":90210,"state":"running", … ,
//!                "site_count":1,"sites":[[0,{"name":"books", … }]]}}
//! < {"snapshot":{"number":13,"full":false, … ,"sites":[]}}
//!
//! > {"leave":{}}                                        the run's own deck: it is left for good
//! < {"end":{"reason":"the crawl has ended"}}            the last line; the connection closes
//! < {"error":{"reason":"not a message: …"}}             the last line; the connection closes
//! ```
//!
//! `origin` is `deck` (the deck of the run itself), `attached` or `ctl`.
//! Answers come in any order; an `id` is the client's own and comes back as it
//! was. A picture is sent when something has changed, and once a second at
//! least; `full` begins anew, any other holds the sites and notices that have
//! changed since the picture that this client got before. Times are
//! milliseconds since the run began, so that an unchanged site stays true.
//!
//! What a client can cost is bounded ([`Limits`]): lines, clients, requests
//! under way. One that does not read gets the newest picture when it does
//! again, never those between, and holds nobody up.

mod client;
mod decks;
mod exits;
mod frames;
mod lines;
mod picture;
mod protocol;
mod relay;
mod server;
mod session;
mod socket;
#[cfg(test)]
mod tests;
mod wire;
mod writer;

pub use self::client::{Link, Remote};
pub use self::protocol::{Limits, PROTOCOL, Welcome};
pub use self::server::{Server, Setup};
pub use self::socket::SOCKET;

use std::io;
use std::path::PathBuf;

/// Why there is no connection to a crawl, or no longer one.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Nobody listens: the job does not run.
    #[error("{} is not being crawled now", .0.display())]
    NotRunning(PathBuf),
    /// The socket cannot be reached.
    #[error("cannot reach the crawl in {}: {source}", dir.display())]
    Unreachable {
        /// The job's folder.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The other side speaks another protocol.
    #[error("the crawl speaks protocol {theirs}, this program {PROTOCOL}: use the same version")]
    Version {
        /// Its protocol.
        theirs: u32,
    },
    /// The engine closed the connection and said why.
    #[error("{0}")]
    Refused(String),
    /// The connection broke, or holds what is no message.
    #[error("the connection to the crawl is lost: {0}")]
    Lost(String),
}
