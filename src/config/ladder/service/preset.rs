//! Services that are known by name: data in `assets/services.json`, each with
//! the public documentation that it was written from.

use super::ServiceForm;
use serde::Deserialize;
use std::sync::LazyLock;

/// A service that is known.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preset {
    /// By what name.
    name: String,
    /// Where its API is documented.
    #[allow(
        dead_code,
        reason = "read by people, and by the test that asks for one"
    )]
    source: Vec<String>,
    /// Which keys the operator must give, and where they are found.
    pub needs: Vec<(String, String)>,
    /// How it is asked.
    pub template: ServiceForm,
}

static PRESETS: LazyLock<Vec<Preset>> = LazyLock::new(|| {
    // The file is part of the program, and a test reads it.
    serde_json::from_str(include_str!("../../../../assets/services.json")).unwrap_or_default()
});

/// The names of all presets, in the order of the file.
pub fn names() -> Vec<&'static str> {
    PRESETS.iter().map(|preset| preset.name.as_str()).collect()
}

/// The preset of a name.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_read_and_every_preset_has_a_source() {
        let text = include_str!("../../../../assets/services.json");
        let read: Vec<Preset> = serde_json::from_str(text).unwrap();
        assert!(read.len() >= 7);
        for preset in &read {
            assert!(!preset.source.is_empty(), "{}", preset.name);
            for source in &preset.source {
                assert!(source.starts_with("https://"), "{}: {source}", preset.name);
            }
            assert_eq!(super::super::form::clash(&preset.template), None);
            assert!(preset.template.url.is_some(), "{}", preset.name);
        }
    }
}
