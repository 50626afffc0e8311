//! The socket in the job's folder: made, found, and taken away again.

use super::RemoteError;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net;
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// The socket's name in the job's folder.
pub const SOCKET: &str = "control.sock";
/// Longest path that every system takes for a socket's address, bytes.
const LONGEST: usize = 100;

/// A socket that is listened on; its file goes when this is dropped.
#[derive(Debug)]
pub struct Bound {
    pub listener: UnixListener,
    path: PathBuf,
    /// Device and inode: a later run's socket of the same name is left alone.
    file: (u64, u64),
}

impl Bound {
    /// Listens in the folder `dir`, whose lock the caller holds: a socket that
    /// is there was left by a run that was killed, and is replaced.
    ///
    /// # Errors
    /// The operating system's; some file systems have no sockets.
    pub fn new(dir: &Path) -> io::Result<Self> {
        let path = dir.join(SOCKET);
        // Under another name until its mode is right.
        let young = format!("{SOCKET}.{}", std::process::id());
        let young_path = dir.join(&young);
        let _ = fs::remove_file(&young_path);
        let made = short(dir, &young, |address| net::UnixListener::bind(address));
        let listener = made.and_then(|listener| {
            fs::set_permissions(&young_path, fs::Permissions::from_mode(0o600))?;
            listener.set_nonblocking(true)?;
            let file = fs::symlink_metadata(&young_path)?;
            fs::rename(&young_path, &path)?;
            let listener = UnixListener::from_std(listener)?;
            Ok((listener, (file.dev(), file.ino())))
        });
        match listener {
            Ok((listener, file)) => Ok(Self {
                listener,
                path,
                file,
            }),
            Err(error) => {
                let _ = fs::remove_file(&young_path);
                Err(error)
            }
        }
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        let ours = |file: fs::Metadata| (file.dev(), file.ino()) == self.file;
        if fs::symlink_metadata(&self.path).is_ok_and(ours) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Connects to the job in `dir`.
///
/// # Errors
/// [`RemoteError::NotRunning`] where nobody listens, else
/// [`RemoteError::Unreachable`].
pub fn connect(dir: &Path) -> Result<UnixStream, RemoteError> {
    let connected =
        short(dir, SOCKET, |address| net::UnixStream::connect(address)).and_then(|stream| {
            stream.set_nonblocking(true)?;
            UnixStream::from_std(stream)
        });
    connected.map_err(|source| match source.kind() {
        // A killed run leaves its socket behind.
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            RemoteError::NotRunning(dir.to_owned())
        }
        _ => RemoteError::Unreachable {
            dir: dir.to_owned(),
            source,
        },
    })
}

/// Calls `then` with an address for `dir/name` that is short enough for a
/// socket: the path itself, or one through a descriptor of the folder.
fn short<T>(dir: &Path, name: &str, then: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    let path = dir.join(name);
    if path.as_os_str().len() <= LONGEST {
        return then(&path);
    }
    #[cfg(target_os = "linux")]
    {
        use std::os::fd::AsRawFd;
        let folder = fs::File::open(dir)?;
        let fd = folder.as_raw_fd();
        then(Path::new(&format!("/proc/self/fd/{fd}/{name}")))
    }
    #[cfg(not(target_os = "linux"))]
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("the path {} is too long for a socket", path.display()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether both ends of a socket in `dir` can be had.
    async fn works(dir: &Path) -> Bound {
        let bound = Bound::new(dir).unwrap();
        let client = connect(dir).unwrap();
        let (_server, _) = bound.listener.accept().await.unwrap();
        let uid = client.peer_cred().unwrap().uid();
        assert_eq!(uid, rustix::process::geteuid().as_raw());
        bound
    }

    #[tokio::test]
    async fn it_is_private_and_goes_with_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let bound = works(dir.path()).await;
        let path = dir.path().join(SOCKET);
        let mode = fs::symlink_metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(bound);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let error = connect(dir.path()).unwrap_err();
        assert!(matches!(error, RemoteError::NotRunning(_)), "{error}");
    }

    #[tokio::test]
    async fn a_socket_left_behind_is_replaced_and_the_next_ones_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(SOCKET);
        drop(net::UnixListener::bind(&path).unwrap());
        let error = connect(dir.path()).unwrap_err();
        assert!(matches!(error, RemoteError::NotRunning(_)), "{error}");
        let first = works(dir.path()).await;
        let second = works(dir.path()).await;
        drop(first);
        assert!(path.exists(), "the second one's socket");
        drop(second);
        assert!(!path.exists());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_folder_may_lie_deep() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(120)).join("e".repeat(120));
        fs::create_dir_all(&deep).unwrap();
        drop(works(&deep).await);
        assert_eq!(fs::read_dir(&deep).unwrap().count(), 0);
    }
}
