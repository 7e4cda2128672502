//! What the demo prints: numbered steps, and under each what was proved; in the reader's language, in colour on a
//! terminal only.

use std::io::IsTerminal;

use clap::ValueEnum;

/// The language of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    Zh,
    En,
}

impl Lang {
    /// As the locale says; English where it says nothing.
    pub fn of_locale() -> Self {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
        match locale {
            Some(locale) if locale.starts_with("zh") => Self::Zh,
            _ => Self::En,
        }
    }

    pub fn text<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }
}

const BOLD: &str = "\x1b[1m";
const GREEN: &str = "\x1b[32m";
const RED: &str = "\x1b[31m";
const DIM: &str = "\x1b[2m";
const RESET: &str = "\x1b[0m";

/// Tells the story.
pub struct Teller {
    pub lang: Lang,
    colour: bool,
    steps: u32,
}

impl Teller {
    pub fn new(lang: Lang) -> Self {
        Self {
            lang,
            colour: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
            steps: 0,
        }
    }

    pub fn heading(&self, zh: &str, en: &str) {
        println!("{}", self.paint(BOLD, self.lang.text(zh, en)));
    }

    /// Begins the next step.
    pub fn step(&mut self, zh: &str, en: &str) {
        self.steps += 1;
        let title = format!("{:>2}  {}", self.steps, self.lang.text(zh, en));
        println!("\n{}", self.paint(BOLD, &title));
    }

    pub fn proved(&self, zh: &str, en: &str) {
        println!("    {} {}", self.paint(GREEN, "✓"), self.lang.text(zh, en));
    }

    pub fn failed(&self, what: &str) {
        println!("    {} {what}", self.paint(RED, "✗"));
    }

    /// Something to look at: an answer, a path, a number.
    pub fn shows(&self, text: &str) {
        println!("      {}", self.paint(DIM, text));
    }

    pub fn line(&self, text: &str) {
        println!("{text}");
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour {
            format!("{colour}{text}{RESET}")
        } else {
            text.to_owned()
        }
    }
}
