//! A site brought into the run.

use crate::archive::Archive;
use crate::config::Site;
use crate::discover::copies::Copies;
use crate::discover::order::Order;
use crate::discover::redirect::Chains;
use crate::discover::trap::Traps;
use crate::engine::folder::Folder;
use crate::engine::ladder::Memory;
use crate::engine::landing::KnownRobots;
use crate::engine::pool::Pool;
use crate::engine::retake::Retake;
use crate::engine::rules::Rules;
use crate::engine::said::Said;
use crate::engine::site::SiteContext;
use crate::engine::supervisor::{Begin, Supervisor};
use crate::engine::tuned;
use crate::fetch::Rungs;
use crate::page::{Fingerprinter, Rung, SiteId};
use crate::store::Store;
use crate::store::sqlite::OpenedSite;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, RwLock};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Room in a supervisor's inbox, messages.
const INBOX: usize = 256;

/// What all sites of a run share.
pub struct Shared {
    pub store: Arc<dyn Store>,
    pub folder: Arc<Folder>,
    pub events: mpsc::Sender<crate::bus::Event>,
    pub rungs: Rungs,
    pub pool: Pool,
    pub archive: Option<Archive>,
    pub tasks: TaskTracker,
    pub cancel: CancellationToken,
    pub said: Arc<Said>,
    /// Sites that are over.
    pub over: Arc<watch::Sender<usize>>,
}

impl Shared {
    /// A site and its supervisor, which is not yet at work. `watched`: somebody
    /// is there who could resume what was paused; `refresh`: every page that is
    /// known is to be asked again.
    pub fn seat(
        &self,
        id: SiteId,
        config: &Arc<Site>,
        opened: OpenedSite,
        watched: bool,
        refresh: bool,
    ) -> (Arc<SiteContext>, Supervisor) {
        let (inbox, messages) = mpsc::channel(INBOX);
        let mut chains = Chains::default();
        for seen in opened.redirects {
            chains.restore(seen.page, seen.from, seen.to);
        }
        let copies = Copies::default();
        for (page, print) in opened.texts {
            copies.add(page, print);
        }
        let saved = tuned::begin(config, opened.saved, opened.changed, watched);
        let marks = opened.marks;
        let traps = Traps::default();
        for shape in &saved.controls.lifted {
            traps.lift(shape, true);
        }
        traps.restore(opened.traps);
        let controls = saved.controls.now.clone();
        let rules = Rules::new(config.clone(), &controls, saved.rules.clone(), None);
        let ladder = self.rungs.for_site(config);
        let rungs: Vec<Rung> = ladder.iter().map(|step| step.rung).collect();
        let memory = Memory::restored(&opened.learned, &rungs, Instant::now());
        let context = Arc::new(SiteContext {
            id,
            name: config.name.as_str().into(),
            prints: Fingerprinter::new(&config.name),
            rules: RwLock::new(Arc::new(rules)),
            controls: Mutex::new(controls),
            chains: Mutex::new(chains),
            store: self.store.clone(),
            folder: self.folder.clone(),
            events: self.events.clone(),
            ladder: RwLock::new(ladder.into()),
            pool: self.pool.clone(),
            archive: self.archive.clone(),
            inbox,
            done: AtomicU64::new(0),
            again: AtomicBool::new(opened.counts.round.number > 0),
            digesting: AtomicUsize::new(0),
            memory: Mutex::new(memory),
            suspicion: Mutex::default(),
            said: self.said.clone(),
            retake: Retake::default(),
            order: Order::default(),
            robots: KnownRobots::default(),
            shown: AtomicU64::new(0),
            traps,
            copies,
            importing: Mutex::default(),
            settled: Notify::new(),
        });
        let begin = Begin {
            saved,
            marks,
            sitemaps: opened.sitemaps,
            over: opened.counts.done + opened.counts.failed,
            done: opened.counts.done,
            changed: opened.changed,
            round: opened.counts.round.number,
            refresh,
            fill: opened.fill,
        };
        let supervisor = Supervisor::new(
            context.clone(),
            messages,
            begin,
            self.tasks.clone(),
            self.cancel.clone(),
            self.over.clone(),
        );
        (context, supervisor)
    }
}
