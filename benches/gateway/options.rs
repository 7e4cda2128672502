/// What a run is asked to be.
pub struct Options {
    /// Keep-alive connections, each with one request under way; default 64.
    pub connections: u16,
    /// How long a round is measured, in seconds; default 10.
    pub seconds: u64,
    /// How long a round runs before it is measured, in seconds; default 2.
    pub warm_up: u64,
    /// Rounds of each peer, by turns; default 3.
    pub rounds: u32,
}

impl Options {
    pub fn read(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self {
            connections: 64,
            seconds: 10,
            warm_up: 2,
            rounds: 3,
        };
        // Cargo adds `--bench`.
        let mut arguments = arguments.filter(|argument| argument != "--bench");
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("`{name}` needs a number"))?;
            let number: u16 = value
                .parse()
                .map_err(|_| format!("`{name}`: `{value}` is no number up to 65,535"))?;
            match name.as_str() {
                "--connections" => options.connections = number,
                "--seconds" => options.seconds = number.into(),
                "--warm-up" => options.warm_up = number.into(),
                "--rounds" => options.rounds = number.into(),
                _ => return Err(format!("no option is called `{name}`")),
            }
        }
        if options.connections == 0 || options.seconds == 0 || options.rounds == 0 {
            return Err("connections, seconds and rounds must be more than 0".to_owned());
        }
        Ok(options)
    }
}
