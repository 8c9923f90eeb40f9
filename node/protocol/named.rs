//! Enums whose variants have fixed names: what the trace, tapes, JSON and the command line write for them.

macro_rules! named {
    ($($(#[$outer:meta])* pub enum $name:ident { $($(#[$inner:meta])* $variant:ident = $text:literal,)+ })+) => {$(
        $(#[$outer])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name { $($(#[$inner])* $variant,)+ }

        impl $name {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The name for programs; fixed.
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text,)+ }
            }

            /// The variant of this name, if there is one.
            pub fn from_name(name: &str) -> Option<$name> {
                match name { $($text => Some($name::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        /// Compares a fact's field, which is text, with the name of a variant.
        impl PartialEq<$name> for std::borrow::Cow<'static, str> {
            fn eq(&self, named: &$name) -> bool {
                self.as_ref() == named.name()
            }
        }

        impl From<$name> for std::borrow::Cow<'static, str> {
            fn from(named: $name) -> Self {
                std::borrow::Cow::Borrowed(named.name())
            }
        }
    )+};
}

pub(crate) use named;
