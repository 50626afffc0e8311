//! Lines of bounded length.

use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// Why there is no further line.
#[derive(Debug, thiserror::Error)]
pub enum NoLine {
    /// The line is longer than allowed.
    #[error("a line of more than {0} bytes")]
    TooLong(usize),
    /// It ends in the middle.
    #[error("the last line does not end")]
    Cut,
    /// The connection broke.
    #[error(transparent)]
    Broken(#[from] io::Error),
}

/// Reads a line of at most `most` bytes into `line`, its end left out; `false`
/// at the end of the stream. The memory of a long line is given back.
pub async fn next(
    from: &mut (impl AsyncBufRead + Unpin),
    line: &mut Vec<u8>,
    most: usize,
) -> Result<bool, NoLine> {
    const KEPT: usize = 1 << 16;
    line.clear();
    line.shrink_to(KEPT);
    loop {
        let bytes = from.fill_buf().await?;
        if bytes.is_empty() {
            return if line.is_empty() {
                Ok(false)
            } else {
                Err(NoLine::Cut)
            };
        }
        let end = memchr::memchr(b'\n', bytes);
        let taken = end.unwrap_or(bytes.len());
        if line.len() + taken > most {
            return Err(NoLine::TooLong(most));
        }
        line.extend_from_slice(&bytes[..taken]);
        from.consume(taken + usize::from(end.is_some()));
        if end.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::BufReader;

    #[tokio::test]
    async fn lines_and_how_they_end() {
        let long = "x".repeat(11);
        let table = [
            ("", vec![], None),
            ("a\nbc\n", vec!["a", "bc"], None),
            ("\n\n", vec!["", ""], None),
            ("a\nb", vec!["a"], Some("does not end")),
            (long.as_str(), vec![], Some("more than 10")),
            ("xxxxxxxxxx\n", vec!["xxxxxxxxxx"], None),
        ];
        for (text, lines, error) in table {
            let mut from = BufReader::with_capacity(3, text.as_bytes());
            let (mut found, mut line) = (Vec::new(), Vec::new());
            let end = loop {
                match next(&mut from, &mut line, 10).await {
                    Ok(true) => found.push(String::from_utf8(line.clone()).unwrap()),
                    Ok(false) => break None,
                    Err(error) => break Some(error.to_string()),
                }
            };
            assert_eq!(found, lines, "{text:?}");
            match (end, error) {
                (None, None) => {}
                (Some(end), Some(error)) => assert!(end.contains(error), "{end}"),
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }
}
