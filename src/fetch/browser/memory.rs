//! What the browser and its children take of the machine's memory.

use std::collections::HashMap;
use std::fs;

/// Memory of a process and all that descend from it, bytes; what they share is
/// counted once. `None` where the system does not tell.
pub fn of_tree(root: u32) -> Option<u64> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let name = entry.file_name();
        if let Some(process) = name.to_str().and_then(|name| name.parse().ok())
            && let Ok(stat) = fs::read_to_string(entry.path().join("stat"))
            && let Some(parent) = parent(&stat)
        {
            children.entry(parent).or_default().push(process);
        }
    }
    let mut left = vec![root];
    let mut sum = None;
    while let Some(process) = left.pop() {
        // Taken out, so that no ring is walked for ever.
        left.extend(children.remove(&process).unwrap_or_default());
        if let Some(size) = of_process(process) {
            sum = Some(sum.unwrap_or(0) + size);
        }
    }
    sum
}

/// The parent in a line of `/proc/PID/stat`; the program's name stands before
/// it in brackets, and may hold anything.
fn parent(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// The proportional share of one process, or its resident size where the
/// share is not told.
fn of_process(process: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"));
    if let Some(share) = rollup.ok().and_then(|text| kibibytes(&text, "Pss:")) {
        return Some(share);
    }
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    kibibytes(&status, "VmRSS:")
}

/// The figure of a line such as `Pss:    1234 kB`, bytes.
fn kibibytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let figure: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(figure * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_whatever_a_program_is_called() {
        assert_eq!(parent("17 (a) b) (c)) S 42 17 17 0"), Some(42));
        assert_eq!(parent("nonsense"), None);
        assert_eq!(
            kibibytes("Rss:  9 kB\nPss:   1234 kB\n", "Pss:"),
            Some(1234 * 1024)
        );
        assert_eq!(kibibytes("", "Pss:"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_tree_is_larger_than_its_root() {
        let mut child = std::process::Command::new("sleep")
            .arg("1000")
            .spawn()
            .unwrap();
        let own = of_process(std::process::id()).unwrap();
        assert!(own > 1 << 20);
        let both = of_tree(std::process::id()).unwrap();
        let alone = of_tree(child.id()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(alone > 0 && both > alone, "{both} {alone}");
        assert_eq!(of_tree(u32::MAX), None);
    }
}
