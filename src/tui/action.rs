//! What a key, a click or a word of the palette can mean.

/// What the operator can do to the deck or with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Move the cursor by so many rows.
    Move(i32),
    /// Move the cursor by so many half screens.
    Half(i32),
    /// Move the cursor by so many screens.
    Page(i32),
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// Into what the cursor is on.
    Enter,
    /// Out of here, or undo the filter or marks.
    Back,
    /// To this screen.
    Goto(Place),
    /// To the next screen.
    NextScreen,
    /// To the screen before.
    PrevScreen,
    /// Pause or resume what the cursor is on.
    Pause,
    /// Pause or resume everything.
    PauseAll,
    /// More or fewer workers.
    Concurrency(i32),
    /// Let the number of workers tune itself.
    Auto,
    /// Longer or shorter delay.
    Delay(i32),
    /// Follow no more links, or follow them again.
    Drain,
    /// Lift the trap under the cursor, or cap it again.
    Lift,
    /// Take back the last change of a control.
    Undo,
    /// Read the sites file again.
    Reload,
    /// Begin to filter.
    Filter,
    /// Sort by the next column.
    Sort,
    /// Sort by this column of the table; again, turn the order round.
    SortBy(usize),
    /// Turn the order round.
    Reverse,
    /// Choose the columns.
    Columns,
    /// Mark the row.
    Mark,
    /// Mark every row that the cursor comes to, or no longer.
    Range,
    /// Send the marked pages, or the one under the cursor, round again.
    Retry,
    /// Send all pages that the list shows round again.
    RetryAll,
    /// Take the marked pages, or the one under the cursor, out of the failures.
    Ignore,
    /// Fetch the marked pages, or the one under the cursor, again, whatever
    /// became of them.
    Force,
    /// Show the next kind of failure only.
    Kind,
    /// Show pages in the next state only.
    NextState,
    /// Show the records of the next rule only.
    NextRule,
    /// Show the changes of one kind, then of the next.
    NextChange,
    /// Group failures more or less finely.
    GroupBy,
    /// Show the next level of notices and above only.
    Level,
    /// Why a page was taken or left.
    Why,
    /// The failures of the site.
    SiteFailures,
    /// Dead links and orphans, of the site or of all.
    Links,
    /// Show dead links, or orphans.
    NextLinks,
    /// Drop pages from the queue by pattern.
    Drop,
    /// Add URLs.
    Add,
    /// To the next pane of the screen.
    Pane,
    /// To this pane of the screen.
    PaneAt(usize),
    /// The body another way: as text, as source, as bytes.
    Body,
    /// Open the body in the pager, cleaned.
    Pager,
    /// Open the body in the pager as it came.
    PagerRaw,
    /// Copy the URL to the terminal's clipboard.
    Copy,
    /// Copy the whole row to the terminal's clipboard.
    CopyRow,
    /// Freeze the display.
    Freeze,
    /// Open the palette.
    Palette,
    /// Show the help.
    Help,
    /// Leave, and let the crawl go on.
    Detach,
    /// Leave.
    Quit,
    /// Stop the program, to be continued by the shell.
    Suspend,
    /// Catch the mouse, or leave it to the terminal.
    Mouse,
}

impl Action {
    /// The action's lasting name, for key maps of the operator's own.
    pub fn name(self) -> &'static str {
        match self {
            Self::Move(n) if n < 0 => "up",
            Self::Move(_) => "down",
            Self::Half(n) if n < 0 => "half-up",
            Self::Half(_) => "half-down",
            Self::Page(n) if n < 0 => "page-up",
            Self::Page(_) => "page-down",
            Self::First => "first",
            Self::Last => "last",
            Self::Enter => "enter",
            Self::Back => "back",
            Self::Goto(Place::Sites) => "go-sites",
            Self::Goto(Place::Failures) => "go-failures",
            Self::Goto(Place::Pages) => "go-pages",
            Self::Goto(Place::Queue) => "go-queue",
            Self::Goto(Place::Records) => "go-records",
            Self::Goto(Place::Journal) => "go-journal",
            Self::Goto(Place::Log) => "go-log",
            Self::Goto(Place::Doctor) => "go-doctor",
            Self::Goto(Place::Changes) => "go-changes",
            Self::Goto(Place::Backends) => "go-backends",
            Self::NextScreen => "next-screen",
            Self::PrevScreen => "previous-screen",
            Self::Pause => "pause",
            Self::PauseAll => "pause-all",
            Self::Concurrency(0) => "workers",
            Self::Concurrency(n) if n < 0 => "fewer-workers",
            Self::Concurrency(_) => "more-workers",
            Self::Auto => "auto",
            Self::Delay(0) => "delay",
            Self::Delay(n) if n < 0 => "shorter-delay",
            Self::Delay(_) => "longer-delay",
            Self::Drain => "drain",
            Self::Lift => "lift",
            Self::Undo => "undo",
            Self::Reload => "reload",
            Self::Filter => "filter",
            Self::Sort => "sort",
            Self::SortBy(_) => "sort-by",
            Self::Reverse => "reverse",
            Self::Columns => "columns",
            Self::Mark => "mark",
            Self::Range => "range",
            Self::Retry => "retry",
            Self::RetryAll => "retry-all",
            Self::Ignore => "ignore",
            Self::Force => "force",
            Self::Kind => "next-kind",
            Self::NextState => "next-state",
            Self::NextRule => "next-rule",
            Self::NextChange => "next-change",
            Self::GroupBy => "group-by",
            Self::Level => "next-level",
            Self::Why => "why",
            Self::SiteFailures => "site-failures",
            Self::Links => "links",
            Self::NextLinks => "next-links",
            Self::Drop => "drop",
            Self::Add => "add",
            Self::Pane => "pane",
            Self::PaneAt(_) => "pane-at",
            Self::Body => "body",
            Self::Pager => "pager",
            Self::PagerRaw => "pager-raw",
            Self::Copy => "copy",
            Self::CopyRow => "copy-row",
            Self::Freeze => "freeze",
            Self::Palette => "palette",
            Self::Help => "help",
            Self::Detach => "detach",
            Self::Quit => "quit",
            Self::Suspend => "suspend",
            Self::Mouse => "mouse",
        }
    }
}

/// A screen that has a key of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// All sites.
    Sites,
    /// Failed pages, grouped.
    Failures,
    /// All pages.
    Pages,
    /// The queue.
    Queue,
    /// The latest records.
    Records,
    /// The latest commands.
    Journal,
    /// Notices.
    Log,
    /// How crawldeck itself fares.
    Doctor,
    /// What rounds of crawling again found.
    Changes,
    /// The rungs of every site's ladder.
    Backends,
}

impl Place {
    /// Every one, in the order of their keys.
    pub const ALL: [Self; 10] = [
        Self::Sites,
        Self::Failures,
        Self::Pages,
        Self::Queue,
        Self::Records,
        Self::Journal,
        Self::Log,
        Self::Doctor,
        Self::Changes,
        Self::Backends,
    ];

    /// Its name in the header and in the palette.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sites => "sites",
            Self::Failures => "failures",
            Self::Pages => "pages",
            Self::Queue => "queue",
            Self::Records => "records",
            Self::Journal => "journal",
            Self::Log => "log",
            Self::Doctor => "doctor",
            Self::Changes => "changes",
            Self::Backends => "backends",
        }
    }

    /// Its place in [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The place so many further on, round and round.
    pub fn next(self, by: isize) -> Self {
        let all = Self::ALL.len() as isize;
        let to = (self.index() as isize + by).rem_euclid(all);
        Self::ALL[to as usize]
    }
}

/// Where a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// On every screen.
    Everywhere,
    /// All sites.
    Dashboard,
    /// One site.
    Site,
    /// Failures by kind, status and host.
    Groups,
    /// The list of failed pages.
    Failures,
    /// One page.
    Detail,
    /// Why a URL was taken or left.
    Why,
    /// All pages.
    Pages,
    /// The queue.
    Queue,
    /// The records.
    Records,
    /// Dead links and orphans.
    Links,
    /// The journal.
    Journal,
    /// The log.
    Log,
    /// The doctor.
    Doctor,
    /// The changes.
    Changes,
    /// The backends.
    Backends,
    /// The exits of a rung.
    Exits,
}

impl Context {
    /// Every one, and how the help heads it.
    pub const ALL: [(Self, &'static str); 17] = [
        (Self::Everywhere, "Everywhere"),
        (Self::Dashboard, "Sites"),
        (Self::Site, "One site"),
        (Self::Groups, "Failures"),
        (Self::Failures, "Failed pages"),
        (Self::Detail, "One page"),
        (Self::Why, "Why"),
        (Self::Pages, "Pages"),
        (Self::Queue, "Queue"),
        (Self::Records, "Records"),
        (Self::Links, "Links"),
        (Self::Journal, "Journal"),
        (Self::Log, "Log"),
        (Self::Doctor, "Doctor"),
        (Self::Changes, "Changes"),
        (Self::Backends, "Backends"),
        (Self::Exits, "Exits"),
    ];
}
