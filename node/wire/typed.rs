//! Answers that are an enum here and a code with fields on the wire.
//!
//! [`typed!`] declares each variant once: its fields have the names that the wire's message has for them, so both
//! directions follow from the declaration. A code or field that is missing is a malformed message.

use crate::protocol::trace::{LinkRule, MessageId, Pace, Wrong};
use crate::protocol::{LogPoint, NodeId};
use crate::wire::convert::{Malformed, pace, wrong, wrong_to_wire};
use crate::wire::proto;
use crate::wire::refusal::DisksLost;

/// Between a field of a variant and the field of the wire's message.
pub trait Detail<Wire>: Sized {
    fn to_wire(&self) -> Wire;
    fn from_wire(what: &'static str, wire: Wire) -> Result<Self, Malformed>;
}

/// Declares the enum, the conversion to its message, and the way back.
macro_rules! typed {
    ($(#[$outer:meta])* $name:ident = $message:ident, $codes:ident, $code:ident {
        $($(#[$inner:meta])* $variant:ident = $text:literal { $($field:ident: $type:ty),* $(,)? })+
    }) => {
        $(#[$outer])*
        pub enum $name { $($(#[$inner])* $variant { $($field: $type),* },)+ }

        impl $name {
            /// The code for programs; fixed. Variants that ask the same of a program share one.
            pub const fn code(&self) -> &'static str {
                match self { $($name::$variant { .. } => $text,)+ }
            }
        }

        impl From<&$name> for crate::wire::proto::$message {
            #[allow(clippy::needless_update)]
            fn from(answer: &$name) -> Self {
                use crate::wire::proto;
                #[allow(unused_imports)]
                use crate::wire::typed::Detail;
                match answer {
                    $($name::$variant { $($field),* } => proto::$message {
                        $code: proto::$codes::$variant.into(),
                        $($field: $field.to_wire(),)*
                        ..Default::default()
                    },)+
                }
            }
        }

        impl TryFrom<crate::wire::proto::$message> for $name {
            type Error = crate::wire::convert::Malformed;

            fn try_from(wire: crate::wire::proto::$message) -> Result<$name, Self::Error> {
                use crate::wire::proto;
                #[allow(unused_imports)]
                use crate::wire::typed::Detail;
                Ok(match proto::$codes::try_from(wire.$code) {
                    $(Ok(proto::$codes::$variant) => $name::$variant {
                        $($field: <$type>::from_wire(stringify!($field), wire.$field)?),*
                    },)+
                    _ => {
                        let found = i64::from(wire.$code);
                        return Err(crate::wire::convert::Malformed::Meaningless { what: stringify!($code), found });
                    }
                })
            }
        }
    };
}

pub(crate) use typed;

fn required<T>(what: &'static str, wire: Option<T>) -> Result<T, Malformed> {
    wire.ok_or(Malformed::Missing(what))
}

macro_rules! plain {
    ($($type:ty => $wire:ty),* $(,)?) => {$(
        impl Detail<$wire> for $type {
            fn to_wire(&self) -> $wire {
                self.clone().into()
            }
            fn from_wire(what: &'static str, wire: $wire) -> Result<Self, Malformed> {
                required(what, wire)
            }
        }
    )*};
}

plain! { u64 => Option<u64>, u32 => Option<u32>, String => Option<String> }

impl Detail<bool> for bool {
    fn to_wire(&self) -> bool {
        *self
    }

    fn from_wire(_: &'static str, wire: bool) -> Result<bool, Malformed> {
        Ok(wire)
    }
}

impl Detail<Option<u64>> for NodeId {
    fn to_wire(&self) -> Option<u64> {
        Some(self.0)
    }

    fn from_wire(what: &'static str, wire: Option<u64>) -> Result<NodeId, Malformed> {
        required(what, wire).map(NodeId)
    }
}

impl Detail<Vec<u64>> for Vec<NodeId> {
    fn to_wire(&self) -> Vec<u64> {
        self.iter().map(|node| node.0).collect()
    }

    fn from_wire(_: &'static str, wire: Vec<u64>) -> Result<Vec<NodeId>, Malformed> {
        Ok(wire.into_iter().map(NodeId).collect())
    }
}

impl Detail<Option<proto::LinkRule>> for LinkRule {
    fn to_wire(&self) -> Option<proto::LinkRule> {
        Some(self.into())
    }

    fn from_wire(what: &'static str, wire: Option<proto::LinkRule>) -> Result<LinkRule, Malformed> {
        required(what, wire)?.try_into()
    }
}

impl Detail<Option<proto::MessageId>> for MessageId {
    fn to_wire(&self) -> Option<proto::MessageId> {
        Some((*self).into())
    }

    fn from_wire(what: &'static str, wire: Option<proto::MessageId>) -> Result<MessageId, Malformed> {
        required(what, wire)?.try_into()
    }
}

impl Detail<Option<proto::DisksLost>> for DisksLost {
    fn to_wire(&self) -> Option<proto::DisksLost> {
        Some(self.into())
    }

    fn from_wire(what: &'static str, wire: Option<proto::DisksLost>) -> Result<DisksLost, Malformed> {
        required(what, wire).map(DisksLost::from)
    }
}

impl Detail<Option<proto::Point>> for LogPoint {
    fn to_wire(&self) -> Option<proto::Point> {
        Some((*self).into())
    }

    fn from_wire(what: &'static str, wire: Option<proto::Point>) -> Result<LogPoint, Malformed> {
        required(what, wire)?.try_into()
    }
}

impl Detail<Option<u32>> for Pace {
    fn to_wire(&self) -> Option<u32> {
        Some(self.slowdown())
    }

    fn from_wire(what: &'static str, wire: Option<u32>) -> Result<Pace, Malformed> {
        pace(required(what, wire)?)
    }
}

impl Detail<i32> for Wrong {
    fn to_wire(&self) -> i32 {
        wrong_to_wire(Some(*self))
    }

    fn from_wire(what: &'static str, wire: i32) -> Result<Wrong, Malformed> {
        wrong(wire)?.ok_or(Malformed::Missing(what))
    }
}

impl Detail<Vec<proto::NodePid>> for Vec<(NodeId, u32)> {
    fn to_wire(&self) -> Vec<proto::NodePid> {
        self.iter().map(|(node, pid)| proto::NodePid { node: node.0, pid: *pid }).collect()
    }

    fn from_wire(_: &'static str, wire: Vec<proto::NodePid>) -> Result<Self, Malformed> {
        Ok(wire.into_iter().map(|pair| (NodeId(pair.node), pair.pid)).collect())
    }
}

impl Detail<Vec<proto::WrongRequest>> for Vec<(NodeId, Wrong)> {
    fn to_wire(&self) -> Vec<proto::WrongRequest> {
        self.iter().map(|(node, how)| proto::WrongRequest { node: node.0, how: how.to_wire() }).collect()
    }

    fn from_wire(what: &'static str, wire: Vec<proto::WrongRequest>) -> Result<Self, Malformed> {
        wire.into_iter().map(|wrong| Ok((NodeId(wrong.node), Wrong::from_wire(what, wrong.how)?))).collect()
    }
}
