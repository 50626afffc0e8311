use super::*;
use crate::tui::keys::{Action, Context};
use crossterm::event::KeyCode;

fn applied(text: &str) -> Result<Settings, String> {
    let mut settings = Settings::from(&|_| None);
    let done = settings.apply(text, Path::new("config.toml"));
    done.map_err(|error| error.to_string()).map(|()| settings)
}

#[test]
fn everything_that_can_be_set() {
    let text = "theme = \"safe\"\nascii = true\nmouse = true\nfps = 0x1e\nbell = false\n\
        [keys]\npause = [\"f5\", \"ctrl-p\"]\nquit = \"ctrl-x\"\n";
    let settings = applied(text).unwrap();
    assert_eq!(settings.theme, Name::Safe);
    assert!(settings.ascii && settings.mouse && !settings.bell);
    assert_eq!(settings.fps, 30);
    let action = |code: KeyCode| settings.keymap.action(code.into(), Context::Dashboard);
    assert_eq!(action(KeyCode::F(5)), Some(Action::Pause));
    assert_eq!(action(KeyCode::Char('p')), None);
    assert_eq!(action(KeyCode::Char('q')), None);
    let printed = settings.keys_toml();
    assert!(
        printed.contains("pause = [\"f5\", \"ctrl-p\"]"),
        "{printed}"
    );
    // What is printed can be read again, and says the same.
    let again = applied(&printed).unwrap();
    assert_eq!(again.keys_toml(), printed);
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_what_was_meant() {
    let table = [
        (
            "them = \"dark\"",
            "config.toml:1: no setting \"them\"; did you mean \"theme\"?",
        ),
        (
            "\n\ntheme = \"drak\"",
            "config.toml:3: no theme \"drak\"; did you mean \"dark\"?",
        ),
        (
            "theme = 16",
            "config.toml:1: the name of a theme is wanted here: dark, light, 16, mono, safe",
        ),
        ("ascii = 1", "config.toml:1: true or false is wanted here"),
        (
            "fps = 0",
            "config.toml:1: a number from 1 to 120 is wanted here",
        ),
        (
            "bell = true\n[keys]\npuase = [\"x\"]",
            "config.toml:3: no action \"puase\"; did you mean \"pause\"?",
        ),
        (
            "[keys]\npause = [\"entre\"]",
            "config.toml:2: no key \"entre\"; did you mean \"enter\"?",
        ),
        (
            "[keys]\npause = [\n  \"f5\",\n  5]",
            "config.toml:4: a key is wanted here, such as \"f5\" or \"ctrl-x\"",
        ),
        ("keys = 1", "config.toml:1: keys is a table: [keys]"),
        (
            "[keys]\n\npause = [\"s\"]",
            "config.toml:3: s would be both \"pause\" and \"sort\"",
        ),
        (
            "[keys]\npause = [\"f9\"]\nsort = [\"f9\"]",
            "config.toml:3: f9 would be both \"pause\" and \"sort\"",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(
            applied(text).map(|_| ()),
            Err(expected.to_owned()),
            "{text}"
        );
    }
    let broken = applied("theme = \n").unwrap_err();
    assert!(broken.starts_with("config.toml:1: "), "{broken}");
}

#[test]
fn a_key_may_move_from_one_action_to_another() {
    let settings = applied("[keys]\nsort = [\"o\"]\npause = [\"s\"]").unwrap();
    let action = |c| {
        settings
            .keymap
            .action(KeyCode::Char(c).into(), Context::Dashboard)
    };
    assert_eq!(
        (action('s'), action('o')),
        (Some(Action::Pause), Some(Action::Sort))
    );
}

#[test]
fn flags_count_more_than_the_file_and_the_file_more_than_the_environment() {
    let folder = tempfile::TempDir::new().unwrap();
    let home = folder.path().to_str().unwrap().to_owned();
    let env = |name: &str| match name {
        "XDG_CONFIG_HOME" => Some("not/absolute".to_owned()),
        "HOME" => Some(home.clone()),
        "NO_COLOR" => Some("1".to_owned()),
        "LANG" => Some("de_DE.ISO-8859-1".to_owned()),
        _ => None,
    };
    let load = |theme: Option<&str>| {
        let wishes = Wishes {
            theme: theme.map(str::to_owned),
            ascii: false,
        };
        Settings::load_from(&wishes, &env).map_err(|error| error.to_string())
    };
    let settings = load(None).unwrap();
    assert_eq!((settings.theme, settings.ascii), (Name::Mono, true));
    let dir = folder.path().join(".config/crawldeck");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("config.toml"), "theme = \"light\"").unwrap();
    assert_eq!(load(None).unwrap().theme, Name::Light);
    assert_eq!(load(Some("safe")).unwrap().theme, Name::Safe);
    let wrong = load(Some("monoo")).unwrap_err();
    assert_eq!(wrong, "--theme: no theme \"monoo\"; did you mean \"mono\"?");
    std::fs::write(dir.join("config.toml"), "theme = \"x\"").unwrap();
    let wrong = load(None).unwrap_err();
    assert!(wrong.contains("config.toml:1: no theme"), "{wrong}");
}
