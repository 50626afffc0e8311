//! The sites file read again while the crawl runs.

use super::obey::{Done, Refusable};
use super::{Director, send};
use crate::bus::{Event, SiteDelta, SiteInfo};
use crate::config::{Discover, Fetch, Job, Rung, Site, differences};
use crate::engine::rules::Rules;
use crate::engine::site::{Control, SiteContext};
use crate::engine::{trapped, tuned};
use crate::store::Tuned;
use std::sync::Arc;

impl Director {
    /// Reads the file and says what differs; unless it is a preview, applies it.
    pub(super) async fn read_again(&mut self, preview: bool) -> Refusable<Done> {
        let Some(reload) = self.reload.clone() else {
            return Err(Done::refused("this job has no sites file to read again"));
        };
        let read = tokio::task::spawn_blocking(move || reload()).await;
        let job = match read {
            Ok(Ok(job)) => job,
            Ok(Err(why)) => return Err(Done::refused(why)),
            Err(_) => return Err(Done::refused("reading the sites file broke down")),
        };
        let mut lines = Vec::new();
        for site in self.seats.clone() {
            let Some(new) = document(&job, &site) else {
                if self.gone.contains(&site.id) {
                    continue;
                }
                lines.push(format!(
                    "{}: no longer in the file; it ends when what is in flight is finished",
                    site.name
                ));
                if !preview {
                    self.gone.insert(site.id);
                    send(&site, Control::Finish).await;
                }
                continue;
            };
            if self.gone.contains(&site.id) {
                lines.push(format!("{}: in the file again; it goes on", site.name));
                if !preview {
                    self.gone.remove(&site.id);
                    send(&site, Control::Reopen).await;
                }
            }
            let changes = differences(&site.rules().document, &new);
            lines.extend(
                changes
                    .iter()
                    .map(|change| format!("{}: {change}", site.name)),
            );
            if !changes.is_empty() && !preview {
                let keeps = new.keep.bodies && site.archive.is_none();
                lines.extend(self.apply(&site, new).await);
                if keeps {
                    lines.push(format!(
                        "{}: bodies are kept from the next run on",
                        site.name
                    ));
                }
            }
        }
        for new in &job.sites {
            if !self.seats.iter().any(|site| *site.name == *new.name) {
                let begins = preview || self.join(new).await;
                lines.push(match begins {
                    true => format!("{}: new; it begins at once", new.name),
                    false => format!("{}: new; it could not be taken in", new.name),
                });
            }
        }
        if lines.is_empty() {
            return Ok(Done::plain("the sites file has not changed"));
        }
        let mut done = Done::plain(lines.join("\n"));
        if !preview {
            done.after = lines.join("; ");
        }
        Ok(done)
    }

    /// Takes in a site that the file has now; answers whether it could be.
    async fn join(&mut self, config: &Arc<Site>) -> bool {
        let admitted = self.store.admit(config.name.clone(), config.digest).await;
        let Some((id, opened)) = admitted else {
            return false;
        };
        self.tell(Event::Joined {
            site: id,
            info: SiteInfo::from(&**config),
            counts: SiteDelta::from(opened.counts),
        })
        .await;
        let watched = *self.linger.borrow();
        let (context, supervisor) = self.shared.seat(id, config, opened, watched, false);
        self.seats.push(context);
        self.supervisors.push(tokio::spawn(supervisor.run()));
        self.joined.send_replace(self.seats.clone());
        true
    }

    /// Puts a site under its new document; answers what more there is to say.
    async fn apply(&mut self, site: &Arc<SiteContext>, new: Arc<Site>) -> Vec<String> {
        let old = site.rules();
        let file = tuned::of_file(&new);
        let same_scope = tuned::scope_digest(&old.document) == tuned::scope_digest(&new);
        let controls = {
            let mut controls = site.controls();
            let was = Tuned {
                now: controls.clone(),
                file: tuned::of_file(&old.document),
                ..Tuned::default()
            };
            *controls = tuned::merged(&was, &file);
            controls.clone()
        };
        let added = match same_scope {
            true => old.added.clone(),
            false => Vec::new(),
        };
        let known = &old.document.start;
        let start = new.start.iter().filter(|url| !known.contains(url));
        let start = start.cloned().collect();
        let (found, finds) = (&old.document.discover, &new.discover);
        let sitemaps = found.sitemap != finds.sitemap;
        let target = |found: &Discover| found.target.as_ref().map(|wanted| wanted.0.to_string());
        let order = found.strategy != finds.strategy || target(found) != target(finds);
        site.set_rules(Rules::new(
            new.clone(),
            &controls,
            added,
            Some(&old.visitor),
        ));
        let (was, is) = (&old.document.fetch, &new.fetch);
        let costs = |fetch: &Fetch| Rung::ALL.map(|rung| fetch.limits(rung).cost);
        if was.via != is.via || was.rungs.keys() != is.rungs.keys() || costs(was) != costs(is) {
            site.set_ladder(self.shared.rungs.for_site(&new));
            send(site, Control::Ladder).await;
        }
        send(site, Control::Controls).await;
        send(
            site,
            Control::Reloaded {
                start,
                sitemaps,
                order,
            },
        )
        .await;
        let info = SiteInfo::from(&*new);
        self.tell(Event::Info {
            site: site.id,
            info,
        })
        .await;
        let left = self.rescope(site).await;
        let back = trapped::take_up(site).await;
        let told = [
            (left, "queued pages are left out now"),
            (back, "pages that traps had left out are queued now"),
        ];
        told.into_iter()
            .filter(|(pages, _)| *pages > 0)
            .map(|(pages, what)| format!("{}: {pages} {what}", site.name))
            .collect()
    }
}

fn document(job: &Job, site: &SiteContext) -> Option<Arc<Site>> {
    job.sites
        .iter()
        .find(|new| *new.name == *site.name)
        .cloned()
}
