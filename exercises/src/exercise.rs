//! What an exercise is made of.

/// One exercise. Each is declared in a module of its own, beside the function that judges it.
pub struct Exercise {
    /// The name of its file and of its program, such as `01_threads`.
    pub name: &'static str,
    /// The list's line.
    pub about: &'static str,
    pub minutes: u32,
    /// Whether it is one of the 90-minute set.
    pub starred: bool,
    /// What an answer must show, as the message's "wanted".
    pub goal: &'static str,
    /// A question; the API, and the compiler's errors to expect; the line with a gap.
    pub hints: [&'static str; 3],
    pub stub: &'static str,
    pub solution: &'static str,
}

impl Exercise {
    /// Its number, such as `01`.
    pub fn number(&self) -> &'static str {
        self.name.split('_').next().unwrap_or_default()
    }

    /// Its number and its name as people write them, such as `03 lock-held`.
    pub fn title(&self) -> String {
        let name = self.name.split_once('_').map_or("", |(_, name)| name);
        format!("{} {}", self.number(), name.replace('_', "-"))
    }
}
