//! What the rungs of a site did, as it is kept for those who ask afterwards.

use super::site::Sites;
use super::write::run;
use crate::page::{Rung, SiteId};
use rusqlite::{Connection, Result, params};
use serde_json::Value;

/// Puts these in place of what was kept of the site.
pub(super) fn apply(
    conn: &Connection,
    sites: &Sites,
    site: SiteId,
    figures: &[(Rung, Value)],
) -> Result<()> {
    let Some(site) = sites.get(site).map(|site| site.key) else {
        return Ok(());
    };
    run(conn, "DELETE FROM figures WHERE site = ?1", [site])?;
    for (rung, figures) in figures {
        run(
            conn,
            "INSERT OR REPLACE INTO figures (site, rung, figures) VALUES (?1, ?2, ?3)",
            params![site, rung.as_str(), figures.to_string()],
        )?;
    }
    Ok(())
}

/// What is kept of a site; what has been edited by hand is passed over.
pub(in crate::store) fn of_site(conn: &Connection, site: i64) -> Result<Vec<(Rung, Value)>> {
    let mut statement = conn.prepare_cached("SELECT rung, figures FROM figures WHERE site = ?1")?;
    let rows = statement.query_map([site], |row| {
        let (rung, figures): (String, String) = (row.get(0)?, row.get(1)?);
        let rung = rung.parse::<Rung>().ok();
        Ok(rung.zip(serde_json::from_str(&figures).ok()))
    })?;
    rows.filter_map(Result::transpose).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::reader::Reader;
    use crate::store::testing::Job;
    use serde_json::json;

    #[tokio::test]
    async fn figures_are_told_after_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let job = Job::open(dir.path(), 2);
        let (a, b) = (SiteId(0), SiteId(1));
        let figures = vec![(Rung::Http, json!({ "had": 3 })), (Rung::Proxy, json!(1))];
        job.store.save_figures(a, figures.clone()).await;
        job.store.save_figures(a, figures[..1].to_vec()).await;
        job.store.save_figures(b, figures.clone()).await;
        drop(job);
        let told = || {
            let sites = Reader::open(dir.path()).unwrap().status().unwrap();
            [sites[0].figures.clone(), sites[1].figures.clone()]
        };
        assert_eq!(told(), [figures[..1].to_vec(), figures.clone()]);
        let job = Job::open(dir.path(), 2);
        assert!(job.store.forget(b).await);
        drop(job);
        assert_eq!(told(), [figures[..1].to_vec(), Vec::new()]);
    }
}
