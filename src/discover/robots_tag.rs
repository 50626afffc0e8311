//! The header `X-Robots-Tag`: what a robots meta tag says, for any answer.

/// Rules that have a value behind a colon; before any other a robot is named.
const VALUED: [&str; 4] = [
    "unavailable_after",
    "max-snippet",
    "max-image-preview",
    "max-video-preview",
];

/// What an answer asks of robots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RobotsTag {
    /// Not to be indexed.
    pub noindex: bool,
    /// Its links not to be followed.
    pub nofollow: bool,
}

impl RobotsTag {
    /// What these headers say to the robot of this product token.
    pub fn read<'h>(headers: impl Iterator<Item = &'h str>, token: &str) -> Self {
        let mut tag = Self::default();
        for header in headers {
            let mut meant = true;
            for part in header.split(',') {
                let mut rule = part.trim();
                if let Some((name, after)) = rule.split_once(':') {
                    let name = name.trim();
                    if VALUED.iter().any(|known| name.eq_ignore_ascii_case(known)) {
                        continue;
                    }
                    meant = name == "*" || name.eq_ignore_ascii_case(token);
                    rule = after.trim();
                }
                let says = |word: &str| meant && rule.eq_ignore_ascii_case(word);
                tag.noindex |= says("noindex") || says("none");
                tag.nofollow |= says("nofollow") || says("none");
            }
        }
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        for (headers, noindex, nofollow) in [
            (&["noindex"][..], true, false),
            (&["NoIndex, nofollow"], true, true),
            (&["none"], true, true),
            (&["otherbot: noindex, nofollow"], false, false),
            (&["otherbot: noindex", "nofollow"], false, true),
            (&["crawldeck: noindex"], true, false),
            (
                &["unavailable_after: 25 Jun 2010 15:00:00 PST, noindex"],
                true,
                false,
            ),
            (&["max-snippet: 5, all", ""], false, false),
            (&["noindexed, no follow"], false, false),
        ] {
            let tag = RobotsTag::read(headers.iter().copied(), "CrawlDeck");
            assert_eq!(
                (tag.noindex, tag.nofollow),
                (noindex, nofollow),
                "{headers:?}"
            );
        }
    }
}
