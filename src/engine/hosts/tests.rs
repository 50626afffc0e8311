use super::*;
use crate::page::PageId;

fn page(id: u32, url: &str, rung: Rung) -> Page {
    Page {
        leased: Leased {
            id: PageId(id),
            url: url.into(),
            depth: 0,
            tries: 0,
            hops: 0,
            seen: None,
        },
        url: Url::parse(url).unwrap(),
        rung,
        way: None,
    }
}

#[test]
fn pages_of_a_host_that_was_given_up_need_no_rung() {
    let now = Instant::now();
    let mut hosts = Hosts::new(false);
    hosts.add_page(page(1, "http://dead.test/", Rung::Http), now);
    hosts.add_page(page(2, "http://live.test/", Rung::Service), now);
    let needs = |hosts: &Hosts| Rung::ALL.map(|rung| hosts.may_need(rung));
    assert_eq!(needs(&hosts), [true, false, false, true, false]);
    hosts.get("http://dead.test").unwrap().given_up = true;
    assert_eq!(hosts.waiting_for(Rung::Http), 1);
    assert_eq!(needs(&hosts), [false, false, false, true, false]);
    assert_eq!(hosts.given_up(), None, "the other may answer");
}
