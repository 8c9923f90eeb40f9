//! The look: which style says what. Colours are Okabe and Ito's, which colour-blind eyes can tell apart; meaning
//! comes from shape first, so that everything reads the same without them.
//!
//! Views name roles (`look.truncated`), never colours. What is drawn where is no business of this file.

mod ascii;

use ratatui::style::{Color, Modifier, Style};

pub use ascii::fold as fold_to_ascii;

/// What the terminal stands on: a dark screen, or a light projector.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Theme {
    Dark,
    Light,
}

/// How many colours the terminal can show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// `NO_COLOR`: shapes and weights alone.
    None,
    Sixteen,
    Indexed,
    True,
}

impl Depth {
    /// From the variables that terminals and people set, as <https://no-color.org> says it.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Depth {
        let has = |name: &str, part: &str| variable(name).is_some_and(|value| value.contains(part));
        if variable("NO_COLOR").is_some_and(|value| !value.is_empty()) || has("TERM", "dumb") {
            Depth::None
        } else if has("COLORTERM", "truecolor") || has("COLORTERM", "24bit") {
            Depth::True
        } else if has("TERM", "256") {
            Depth::Indexed
        } else {
            Depth::Sixteen
        }
    }
}

/// The styles of all roles, and whether only ASCII may be drawn.
#[derive(Clone, Debug)]
pub struct Look {
    pub ascii: bool,
    /// Ordinary text, and the ground that it stands on.
    pub base: Style,
    pub muted: Style,
    pub strong: Style,
    pub border: Style,
    /// Names: the program, the leader.
    pub accent: Style,
    pub committed: Style,
    pub intermediate: Style,
    pub truncated: Style,
    pub different: Style,
    pub bad: Style,
    /// What went wrong, in a sentence.
    pub warning: Style,
    /// Words that must be seen from afar: the mode, a link that is cut.
    pub badge: Style,
    pub alarm: Style,
}

/// One colour in all depths.
#[derive(Clone, Copy)]
struct Shade(u8, u8, u8, u8, Color);

impl Shade {
    fn at(self, depth: Depth) -> Option<Color> {
        let Shade(red, green, blue, index, basic) = self;
        match depth {
            Depth::None => None,
            Depth::Sixteen => Some(basic),
            Depth::Indexed => Some(Color::Indexed(index)),
            Depth::True => Some(Color::Rgb(red, green, blue)),
        }
    }
}

struct Palette {
    ground: Option<(Shade, Shade)>,
    muted: Shade,
    border: Shade,
    sky: Shade,
    orange: Shade,
    green: Shade,
    purple: Shade,
    vermillion: Shade,
}

const DARK: Palette = Palette {
    // The terminal's own dark ground and text stay as they are.
    ground: None,
    muted: Shade(0x8F, 0x8F, 0x8F, 245, Color::DarkGray),
    border: Shade(0x5F, 0x5F, 0x5F, 240, Color::DarkGray),
    sky: Shade(0x56, 0xB4, 0xE9, 74, Color::Cyan),
    orange: Shade(0xE6, 0x9F, 0x00, 178, Color::Yellow),
    green: Shade(0x00, 0x9E, 0x73, 36, Color::Green),
    purple: Shade(0xCC, 0x79, 0xA7, 175, Color::Magenta),
    vermillion: Shade(0xD5, 0x5E, 0x00, 166, Color::Red),
};

/// Okabe and Ito's hues, darker where their own would have less than 4.5 to 1 against white.
const LIGHT: Palette = Palette {
    ground: Some((Shade(0x1C, 0x1C, 0x1C, 234, Color::Black), Shade(0xFF, 0xFF, 0xFF, 231, Color::White))),
    muted: Shade(0x66, 0x66, 0x66, 241, Color::DarkGray),
    border: Shade(0x9E, 0x9E, 0x9E, 247, Color::Gray),
    sky: Shade(0x00, 0x72, 0xB2, 25, Color::Blue),
    orange: Shade(0x8F, 0x62, 0x00, 94, Color::Yellow),
    green: Shade(0x00, 0x76, 0x56, 29, Color::Green),
    purple: Shade(0xA2, 0x45, 0x79, 132, Color::Magenta),
    vermillion: Shade(0xB3, 0x4F, 0x00, 130, Color::Red),
};

impl Look {
    pub fn new(theme: Theme, depth: Depth, ascii: bool) -> Look {
        let palette = match theme {
            Theme::Dark => &DARK,
            Theme::Light => &LIGHT,
        };
        let mut base = Style::new();
        if let Some((text, ground)) = &palette.ground {
            base.fg = text.at(depth);
            base.bg = ground.at(depth);
        }
        let ink = |shade: Shade| shade.at(depth).map_or(base, |colour| base.fg(colour));
        let faint = if depth == Depth::None { base.add_modifier(Modifier::DIM) } else { base };
        let faint = |shade: Shade| shade.at(depth).map_or(faint, |colour| faint.fg(colour));
        Look {
            ascii,
            base,
            muted: faint(palette.muted),
            strong: base.add_modifier(Modifier::BOLD),
            border: faint(palette.border),
            accent: ink(palette.sky).add_modifier(Modifier::BOLD),
            committed: ink(palette.green),
            intermediate: ink(palette.orange),
            truncated: ink(palette.vermillion),
            warning: ink(palette.vermillion),
            different: ink(palette.purple).add_modifier(Modifier::BOLD),
            bad: ink(palette.vermillion).add_modifier(Modifier::BOLD),
            badge: ink(palette.sky).add_modifier(Modifier::BOLD | Modifier::REVERSED),
            alarm: ink(palette.vermillion).add_modifier(Modifier::BOLD | Modifier::REVERSED),
        }
    }
}

/// Whether the locale is one of UTF-8: the first of the three variables that is set decides.
pub fn locale_is_utf8(variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    set.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(set: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
        move |wanted| set.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        assert!(locale_is_utf8(variables(&[("LANG", "pt_BR.UTF-8")])));
        assert!(locale_is_utf8(variables(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8"), ("LANG", "C")])));
        assert!(!locale_is_utf8(variables(&[("LC_ALL", "C"), ("LANG", "pt_BR.UTF-8")])));
        assert!(!locale_is_utf8(variables(&[])));
    }

    #[test]
    fn no_color_goes_before_what_the_terminal_can() {
        let truecolor = &[("COLORTERM", "truecolor"), ("TERM", "xterm-256color")];
        assert_eq!(Depth::from_environment(variables(truecolor)), Depth::True);
        assert_eq!(Depth::from_environment(variables(&[("NO_COLOR", "1"), ("COLORTERM", "truecolor")])), Depth::None);
        assert_eq!(Depth::from_environment(variables(&[("NO_COLOR", ""), ("TERM", "xterm-256color")])), Depth::Indexed);
        assert_eq!(Depth::from_environment(variables(&[("TERM", "linux")])), Depth::Sixteen);
    }

    #[test]
    fn without_colours_no_role_has_one() {
        for theme in [Theme::Dark, Theme::Light] {
            let look = Look::new(theme, Depth::None, false);
            for style in [look.base, look.muted, look.border, look.accent, look.committed, look.bad, look.alarm] {
                assert_eq!((style.fg, style.bg), (None, None));
            }
        }
    }

    #[test]
    fn light_text_stands_out_from_its_ground_by_four_and_a_half_to_one() {
        let palette = LIGHT;
        for shade in [palette.muted, palette.sky, palette.orange, palette.green, palette.purple, palette.vermillion] {
            let contrast = 1.05 / (luminance(shade) + 0.05);
            assert!(contrast >= 4.5, "{contrast}");
        }
    }

    /// The relative luminance of WCAG 2.
    fn luminance(Shade(red, green, blue, ..): Shade) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }
}
