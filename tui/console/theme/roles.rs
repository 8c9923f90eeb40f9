//! The roles of the theme by name, for exports that style by class: a web page has one class for each role and the
//! colours of both themes.

use ratatui::style::{Color, Style};

use super::{DARK, LIGHT, Look, Palette, Shade, Theme};

/// The names of the roles, in the order of [`styles`].
const NAMES: [&str; 13] = [
    "base",
    "muted",
    "strong",
    "border",
    "accent",
    "committed",
    "intermediate",
    "truncated",
    "different",
    "bad",
    "warning",
    "badge",
    "alarm",
];

fn styles(look: &mut Look) -> [&mut Style; 13] {
    let Look { ascii: _, base, muted, strong, border, accent, committed, intermediate, .. } = look;
    let Look { truncated, different, bad, warning, badge, alarm, .. } = look;
    [base, muted, strong, border, accent, committed, intermediate, truncated, different, bad, warning, badge, alarm]
}

impl Look {
    /// A look in which every role has a colour of its own, so that [`role`] finds the role of a drawn text.
    pub fn of_roles() -> Look {
        let mut look = Look::new(Theme::Dark, super::Depth::None, false);
        for (index, style) in styles(&mut look).into_iter().enumerate() {
            style.fg = Some(Color::Indexed(index as u8));
        }
        look
    }
}

/// The name of the role that a text drawn with [`Look::of_roles`] has.
pub fn role(style: Style) -> &'static str {
    match style.fg {
        Some(Color::Indexed(index)) => NAMES.get(usize::from(index)).copied().unwrap_or("base"),
        _ => "base",
    }
}

/// The colours of a theme as CSS custom properties: `--committed:#009e73;…`.
pub fn css_colours(theme: Theme) -> String {
    let palette = match theme {
        Theme::Dark => &DARK,
        Theme::Light => &LIGHT,
    };
    let Palette { muted, border, sky, orange, green, purple, vermillion, .. } = palette;
    let colours = [
        ("muted", muted),
        ("border", border),
        ("accent", sky),
        ("intermediate", orange),
        ("committed", green),
        ("different", purple),
        ("bad", vermillion),
    ];
    let (text, ground) = ground(theme);
    let colours =
        colours.map(|(name, Shade(red, green, blue, ..))| format!("--{name}:#{red:02x}{green:02x}{blue:02x};"));
    format!("--text:{text};--ground:{ground};{}", colours.concat())
}

/// The colours of text and background. The dark theme leaves them to the terminal; elsewhere they must be named.
pub fn ground(theme: Theme) -> (&'static str, &'static str) {
    match theme {
        Theme::Dark => ("#d4d4d4", "#121212"),
        Theme::Light => ("#1c1c1c", "#ffffff"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_of_a_text_follows_from_its_style() {
        let look = Look::of_roles();
        assert_eq!(role(look.committed), "committed");
        assert_eq!(role(look.alarm), "alarm");
        assert_eq!(role(look.base), "base");
        assert_eq!(role(look.muted.add_modifier(ratatui::style::Modifier::REVERSED)), "muted");
        assert_eq!(role(Style::new()), "base");
    }

    #[test]
    fn the_colours_of_a_page_are_those_of_the_theme() {
        assert!(css_colours(Theme::Dark).contains("--committed:#009e73;"));
        assert!(css_colours(Theme::Light).contains("--committed:#007656;"));
    }
}
