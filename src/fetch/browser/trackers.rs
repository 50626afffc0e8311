//! Hosts that count visitors: what they are asked for is no part of a page.

use std::collections::HashSet;
use std::sync::LazyLock;
use url::Url;

/// The list, with its sources.
static LIST: &str = include_str!("../../../assets/trackers.txt");
static HOSTS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let lines = LIST
        .lines()
        .map(|line| line.split('#').next().unwrap_or(""));
    lines
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect()
});

/// Whether a URL is of such a host, or of a subdomain of one.
pub(super) fn is_tracker(url: &Url) -> bool {
    let Some(url::Host::Domain(host)) = url.host() else {
        return false;
    };
    let above = std::iter::successors(Some(host), |host| {
        host.split_once('.').map(|(_, above)| above)
    });
    above.into_iter().any(|host| HOSTS.contains(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_of_host_names_each_once_in_order() {
        let lines = LIST
            .lines()
            .map(|line| line.split('#').next().unwrap_or(""));
        let hosts: Vec<&str> = lines
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        assert!(
            hosts.is_sorted_by(|a, b| a < b),
            "not in order, or one stands twice"
        );
        for host in hosts {
            let url = Url::parse(&format!("https://{host}/")).unwrap();
            assert_eq!(url.host_str(), Some(host));
            assert!(host.contains('.'), "{host} is a whole domain");
            assert!(is_tracker(&url));
        }
    }

    #[test]
    fn subdomains_are_trackers_and_neighbours_are_not() {
        let cases = [
            ("https://www.google-analytics.com/analytics.js", true),
            ("https://region1.google-analytics.com/g/collect", true),
            ("https://not-google-analytics.com/", false),
            ("https://com/", false),
            ("https://www.google.com/", false),
            ("http://127.0.0.1/google-analytics.com", false),
        ];
        for (url, tracker) in cases {
            assert_eq!(is_tracker(&Url::parse(url).unwrap()), tracker, "{url}");
        }
    }
}
