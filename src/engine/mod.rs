//! The crawl itself: a supervisor per site, workers, and one director who
//! hears the operator.

mod again;
mod answer;
mod api;
mod auto;
mod digest;
mod director;
mod errand;
mod evidence;
mod exits;
mod folder;
mod host;
mod hosts;
mod info;
mod intake;
mod keep;
mod ladder;
mod landing;
mod lanes;
mod list;
mod missed;
mod pool;
mod probe;
mod redirected;
mod retake;
mod retry;
mod rules;
mod said;
mod site;
mod sitemap;
mod slots;
mod source;
mod supervisor;
mod suspicion;
mod trapped;
mod tuned;
mod work;
mod worker;

pub use self::director::{Ended, Engine, Parts, Reload};

#[cfg(test)]
mod tests;
