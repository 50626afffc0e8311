//! What an engine that was killed left open.

use super::super::name;
use super::{Container, Rig, site, solved};

#[tokio::test]
async fn sessions_of_engines_that_are_gone_are_ended_and_no_others() {
    let container = Container::new(solved("http://site.test/a")).await;
    // An engine of this machine whose number nobody has, where that can be told.
    let own = name::fresh();
    let parts: Vec<&str> = own.split('-').collect();
    let left = match parts[..] {
        [mark, machine, _, start, unlike] => {
            Some(format!("{mark}-{machine}-{}-{start}-{unlike}", i32::MAX))
        }
        _ => None,
    };
    let others = ["somebody's", "crawldeck-1-2-3-4", &own];
    for session in others.into_iter().chain(left.as_deref()) {
        container.leave(session);
    }
    let rig = Rig::new(&site(&[container.address()], ""));
    rig.get().await.unwrap();
    let open = container.sessions();
    assert_eq!(open[..3], others, "they may be at work");
    assert_eq!(open.len(), 4, "and ours: {open:?}");
    assert_eq!(
        container.all("sessions.destroy").len(),
        usize::from(left.is_some())
    );
    // Looked for once.
    rig.get().await.unwrap();
    assert!(
        container.all("sessions.list").is_empty(),
        "beside the first"
    );
    rig.endpoints[0].close(&rig.http).await;
    assert_eq!(container.sessions(), others);
}
