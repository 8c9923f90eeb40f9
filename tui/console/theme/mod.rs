//! Styles by role. Colours are the palette of Okabe and Ito, which is safe for colour-blind readers. Shape carries the
//! meaning first; the screen reads the same without colours.
//!
//! Views name roles (`look.truncated`), never colours.

mod ascii;

mod roles;

use ratatui::style::{Color, Modifier, Style};

pub use ascii::fold as fold_to_ascii;
pub use roles::{css_colours, ground, role};

/// The background of the terminal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Theme {
    Dark,
    Light,
}

/// The number of colours that the terminal shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// `NO_COLOR`: no colours, only shapes and weights.
    None,
    Sixteen,
    Indexed,
    True,
}

impl Depth {
    /// Reads the environment as <https://no-color.org> defines it.
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

/// One style for each role, and whether the screen is limited to ASCII.
#[derive(Clone, Debug)]
pub struct Look {
    pub ascii: bool,
    /// Ordinary text and the background.
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
    /// Sentences about something that went wrong.
    pub warning: Style,
    /// Badges that must be seen from a distance: the mode, a cut link.
    pub badge: Style,
    pub alarm: Style,
}

/// One colour at all depths.
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
    // The terminal's own colours.
    ground: None,
    muted: Shade(0x8F, 0x8F, 0x8F, 245, Color::DarkGray),
    border: Shade(0x5F, 0x5F, 0x5F, 240, Color::DarkGray),
    sky: Shade(0x56, 0xB4, 0xE9, 74, Color::Cyan),
    orange: Shade(0xE6, 0x9F, 0x00, 178, Color::Yellow),
    green: Shade(0x00, 0x9E, 0x73, 36, Color::Green),
    purple: Shade(0xCC, 0x79, 0xA7, 175, Color::Magenta),
    vermillion: Shade(0xD5, 0x5E, 0x00, 166, Color::Red),
};

/// The same hues, darkened until the contrast against white is at least 4.5 to 1.
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

/// Whether the locale uses UTF-8. The first variable that is set decides.
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

    /// Relative luminance as WCAG 2 defines it.
    fn luminance(Shade(red, green, blue, ..): Shade) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }
}
