//! Random histories of a crawl, played on the writer's core.

use super::steps::{Step, steps};
use super::*;
use crate::page::SkipReason;
use crate::store::sqlite::again;
use proptest::prelude::*;
use std::collections::HashSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

pub(super) const SITES: u8 = 2;
/// URLs of a site.
pub(super) const PATHS: u32 = 60;

/// A core on a folder, and what the engine would hold of it.
pub(super) struct World {
    dir: tempfile::TempDir,
    core: Option<Core>,
    cap: Arc<AtomicU32>,
    pub(super) leased: Vec<(SiteId, PageId)>,
    /// Which steps of [`Step`] are played.
    pub(super) faults: bool,
    pub(super) crashes: bool,
    /// Whether long work goes on between the steps; else each step ends it.
    pub(super) sliced: bool,
    pub(super) told: [SiteDelta; SITES as usize],
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = Self {
            dir: tempfile::tempdir().unwrap(),
            core: None,
            cap: Arc::new(AtomicU32::new(UNCAPPED)),
            leased: Vec::new(),
            faults: false,
            crashes: false,
            sliced: false,
            told: Default::default(),
        };
        world.open();
        world
    }

    pub(super) fn core(&mut self) -> &mut Core {
        self.core.as_mut().unwrap()
    }

    fn open(&mut self) {
        let (mut conn, _) = schema::open(self.dir.path(), 1000).unwrap();
        conn.pragma_update(None, "synchronous", "OFF").unwrap();
        let found = resume::resume(&mut conn, &names(SITES)).unwrap();
        for (told, site) in self.told.iter_mut().zip(&found.opened) {
            *told = SiteDelta {
                done: site.counts.done as i64,
                failed: site.counts.failed as i64,
                skipped: site.counts.skipped as i64,
                queued: site.counts.queued as i64,
                records: site.counts.records as i64,
                bytes: site.counts.bytes as i64,
                round: site.counts.round,
            };
        }
        self.core = Some(Core::new(Start {
            conn,
            sites: found.sites,
            known: Arc::new(found.known),
            next: found.next,
            last_answer: found.last_answer,
            fields: found.fields,
            orphans: found.orphans,
            rounds: found.rounds,
            stall: watch::channel(None).0,
            back: Arc::default(),
            max_pages: Some(self.cap.clone()),
        }));
        // Few enough that most of the long work takes several.
        self.core().tasks.slice = 4;
    }

    /// The process dies here and a new one takes over.
    fn crash(&mut self) {
        self.core = None;
        self.leased.clear();
        self.open();
        assert_consistent(self.core().conn());
    }

    pub(super) fn heal(&mut self) {
        self.cap.store(UNCAPPED, Ordering::Relaxed);
        let core = self.core();
        core.conn()
            .pragma_update(None, "query_only", false)
            .unwrap();
        let far = Instant::now() + std::time::Duration::from_secs(60);
        core.turn(far);
        assert!(!core.stalled);
    }

    pub(super) fn commit(&mut self) {
        let far = Instant::now() + std::time::Duration::from_secs(60);
        self.core().turn(far);
        self.listen();
    }

    fn listen(&mut self) {
        for event in self.core().take_events() {
            if let Event::Committed(changes) = event {
                for (site, delta) in changes {
                    let told = &mut self.told[site.index()];
                    told.done += delta.done;
                    told.failed += delta.failed;
                    told.skipped += delta.skipped;
                    told.queued += delta.queued;
                    told.records += delta.records;
                    told.bytes += delta.bytes;
                    told.round = told.round.zip(delta.round, |a, b| a + b);
                }
            }
        }
    }

    /// What the bus was told adds up to what the tables hold.
    pub(super) fn assert_told(&mut self) {
        let told = self.told;
        let conn = self.core().conn();
        let mut statement = conn
            .prepare(
                "SELECT done, failed, skipped, queued, records, bytes, key FROM site ORDER BY place",
            )
            .unwrap();
        let held: Vec<SiteDelta> = statement
            .query_map([], |r| {
                Ok(SiteDelta {
                    done: r.get(0)?,
                    failed: r.get(1)?,
                    skipped: r.get(2)?,
                    queued: r.get(3)?,
                    records: r.get(4)?,
                    bytes: r.get(5)?,
                    round: again::round(conn, r.get(6)?)?,
                })
            })
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(held, told);
    }

    pub(super) fn lease(&mut self, site: SiteId, most: usize) -> Lease {
        let (reply, mut answer) = oneshot::channel();
        self.core().handle(Op::Lease { site, most, reply });
        let lease = answer.try_recv().unwrap().take();
        if let Lease::Pages(pages) = &lease {
            assert!(!pages.is_empty() && pages.len() <= most);
            for page in pages {
                let one = (site, page.id);
                assert!(!self.leased.contains(&one), "leased twice: {one:?}");
                self.leased.push(one);
            }
        }
        lease
    }

    pub(super) fn play(&mut self, step: &Step) {
        match step {
            Step::Add {
                site,
                path,
                depth,
                n,
            } => {
                let site = SiteId(*site);
                let urls = (0..*n)
                    .map(|i| new_url(site, &((path + i) % PATHS).to_string(), *depth))
                    .collect();
                let (reply, _answer) = oneshot::channel();
                self.core().handle(Op::Add {
                    site,
                    urls,
                    traps: Vec::new(),
                    reply,
                });
            }
            Step::Lease { site, most } => {
                // A stalled store leases nothing, which would be another history.
                self.heal();
                self.lease(SiteId(*site), *most);
            }
            Step::End {
                which,
                how,
                path,
                found,
            } => {
                if self.leased.is_empty() {
                    return;
                }
                let (site, page) = self.leased.remove(which % self.leased.len());
                let commit = ending(site, page, *how, *path, *found);
                self.core().handle(Op::Commit(Box::new(commit)));
            }
            Step::Release { which } => {
                if self.leased.is_empty() {
                    return;
                }
                let (site, page) = self.leased.remove(which % self.leased.len());
                let pages = vec![page];
                self.core().handle(Op::Release { site, pages });
            }
            Step::Stray { page } => {
                let page = PageId(*page);
                if !self.leased.iter().any(|(_, p)| *p == page) {
                    let done = Verdict::Final(Outcome::Done);
                    let commit = commit(SiteId(page.0 % 2), page, done);
                    self.core().handle(Op::Commit(Box::new(commit)));
                }
            }
            Step::Revise { page, how, filter } => self.revise(*page, *how, *filter),
            Step::Prune {
                site,
                digit,
                preview,
            } => self.prune(*site, *digit, *preview),
            Step::Reorder { site, digit } => self.reorder(SiteId(*site), *digit),
            Step::Forget { site } => self.forget(SiteId(*site)),
            Step::Refresh { site } => self.refresh(SiteId(*site)),
            Step::Slice => self.core().work(),
            Step::Commit => self.commit(),
            Step::Fault { at_once } if self.faults => match at_once {
                true => self
                    .core()
                    .conn()
                    .pragma_update(None, "query_only", true)
                    .unwrap(),
                // Clamped by SQLite to the size that the file has.
                false => self.cap.store(1, Ordering::Relaxed),
            },
            Step::Heal if self.faults => self.heal(),
            Step::Crash if self.crashes => self.crash(),
            Step::Fault { .. } | Step::Heal | Step::Crash => {}
        }
    }

    /// Everything that is in the tables, times of ending left out.
    pub(super) fn content(&mut self) -> String {
        self.heal();
        self.work();
        self.commit();
        let mut text = String::new();
        for (table, columns) in [
            ("url", "*"),
            ("queue", "*"),
            ("retry", "*"),
            (
                "page",
                "id, site, outcome, reason, status, attempts, bytes, fetched_at",
            ),
            ("redirect", "*"),
            ("attempt", "*"),
            ("evidence", "*"),
            ("record", "*"),
            ("field", "*"),
            ("seen", "*"),
            ("again", "id, rank, site, outcome, status, attempts, bytes"),
            ("change", "id, site, round, page, kind, reason, fields"),
            ("site", "*"),
        ] {
            let sql = format!("SELECT {columns} FROM {table}");
            let mut statement = self.core().conn().prepare(&sql).unwrap();
            let n = statement.column_count();
            let mut rows = statement.query([]).unwrap();
            while let Some(row) = rows.next().unwrap() {
                for i in 0..n {
                    text.push_str(&format!("{:?} ", row.get_ref(i).unwrap()));
                }
                text.push('\n');
            }
            text.push_str(table);
            text.push('\n');
        }
        text
    }
}

const UNCAPPED: u32 = 1 << 30;

/// A page's end, of every kind.
fn ending(site: SiteId, page: PageId, how: u32, path: u32, found: u32) -> Commit {
    let kind = FailureKind::Status;
    let verdict = match how {
        0 => Verdict::Retry {
            due: u64::from(path),
            kind,
        },
        1 => Verdict::Retry { due: 1 << 50, kind },
        2 | 3 => Verdict::Final(Outcome::Failed(kind)),
        4 => Verdict::Final(Outcome::Skipped(SkipReason::Robots)),
        _ => Verdict::Final(Outcome::Done),
    };
    let mut commit = commit(site, page, verdict);
    commit.found = (0..found)
        .map(|i| new_url(site, &((path + i) % PATHS).to_string(), i))
        .collect();
    commit.evidence = Some(evidence());
    if how > 5 {
        let rest = commit.found.iter().map(|new| new.print).collect();
        let pages = vec![PageId(1), page];
        commit.links = Some(Links { pages, rest });
    }
    match how {
        2 => commit.also_failed = (1..path).map(PageId).collect(),
        5 => {
            let target = new_url(site, &path.to_string(), 1);
            commit.redirect = Some((target.print, target.url));
        }
        6 | 7 => {
            let title = "long ".repeat(path as usize * 20);
            commit.records = (0..found).map(|_| record("book", &title)).collect();
        }
        // The answer is what it was, where the page was had before.
        8 => commit.same = path.is_multiple_of(2),
        _ => {}
    }
    commit
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn counters_and_tables_agree_and_the_end_is_reached(
        steps in steps(), sliced: bool, faults: bool,
    ) {
        let mut world = World::new();
        world.sliced = sliced;
        // Where every step ends its work at once, each heals the store first.
        world.faults = faults;
        for step in &steps {
            world.play(step);
        }
        world.heal();
        world.commit();
        assert_consistent(world.core().conn());
        world.assert_told();
        finish(&mut world);
    }

    #[test]
    fn any_crash_leaves_a_whole_crawl_behind(steps in steps()) {
        let mut world = World::new();
        world.crashes = true;
        world.sliced = true;
        for step in &steps {
            world.play(step);
        }
        world.crash();
        finish(&mut world);
    }

    #[test]
    fn a_store_that_could_not_write_ends_like_one_that_could(steps in steps()) {
        let mut plain = World::new();
        let mut faulty = World::new();
        faulty.faults = true;
        for step in &steps {
            plain.play(step);
            faulty.play(step);
        }
        prop_assert_eq!(plain.content(), faulty.content());
        assert_consistent(faulty.core().conn());
        faulty.assert_told();
    }
}

/// Crawls what is left: every page ends, and only then are the sites drained.
fn finish(world: &mut World) {
    world.work();
    for (site, page) in std::mem::take(&mut world.leased) {
        let pages = vec![page];
        world.core().handle(Op::Release { site, pages });
    }
    for site in (0..u32::from(SITES)).map(SiteId) {
        let mut seen = HashSet::new();
        loop {
            match world.lease(site, 3) {
                Lease::Pages(pages) => {
                    for page in pages {
                        assert!(seen.insert(page.id), "leased again after its end");
                        let done = commit(site, page.id, Verdict::Final(Outcome::Done));
                        world.core().handle(Op::Commit(Box::new(done)));
                        world.leased.clear();
                    }
                }
                Lease::Wait { due } => {
                    // What is left are retries of the far future.
                    assert_eq!(due, Some(1 << 50));
                    break;
                }
                Lease::Drained => break,
            }
        }
    }
    world.commit();
    assert_consistent(world.core().conn());
    assert_swept(world.core().conn());
    let sql = "SELECT count(*) FROM queue";
    let left: i64 = world
        .core()
        .conn()
        .query_row(sql, [], |r| r.get(0))
        .unwrap();
    assert_eq!(left, 0);
}
