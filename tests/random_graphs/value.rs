//! The messages: four plain types, and one that is any of them for the reference.

use catena::{Fold, Payload, Step};

use crate::rng::mix;

/// The types of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// `u64`
    One,
    /// `Vec<u64>`
    Many,
    /// `Fold<u64, u64>`, what a fold receives.
    Pair,
    /// `Step<u64, u64>`, what the agent of a fold receives.
    Step,
}

/// A message of any type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    One(u64),
    Many(Vec<u64>),
    Pair(Fold<u64, u64>),
    Step(Step<u64, u64>),
}

impl Value {
    /// A number that depends on all of it, the order of lists included.
    pub(crate) fn digest(&self) -> u64 {
        let list = |seed, items: &[u64]| {
            let seed = mix(seed, items.len() as u64);
            items.iter().fold(seed, |hash, item| mix(hash, *item))
        };
        match self {
            Self::One(one) => *one,
            Self::Many(many) => list(1, many),
            Self::Pair(pair) => list(pair.state, &pair.items),
            Self::Step(step) => {
                let place = mix(step.index as u64, step.total as u64);
                mix(mix(step.state, step.item), place)
            }
        }
    }

    /// The message of a type that `seed` determines.
    pub(crate) fn make(of: Type, seed: u64) -> Self {
        let list = || {
            let length = mix(seed, 2) % 5;
            (0..length).map(|index| mix(seed, 10 + index)).collect()
        };
        match of {
            Type::One => Self::One(seed),
            Type::Many => Self::Many(list()),
            Type::Pair => Self::Pair(Fold {
                state: seed,
                items: list(),
            }),
            Type::Step => Self::Step(Step {
                state: seed,
                item: mix(seed, 3),
                index: 0,
                total: 1,
            }),
        }
    }
}

/// A type of messages.
pub(crate) trait Plain: Payload + Clone + Sync {
    const TYPE: Type;

    fn value(self) -> Value;

    /// Back from a value, which must be of this type.
    fn plain(value: Value) -> Self;

    fn make(seed: u64) -> Self {
        Self::plain(Value::make(Self::TYPE, seed))
    }
}

macro_rules! plain {
    ($($type:ty: $name:ident),+) => {$(
        impl Plain for $type {
            const TYPE: Type = Type::$name;

            fn value(self) -> Value {
                Value::$name(self)
            }

            fn plain(value: Value) -> Self {
                match value {
                    Value::$name(value) => value,
                    other => panic!("{other:?} is no {}", stringify!($name)),
                }
            }
        }
    )+};
}

plain!(u64: One, Vec<u64>: Many, Fold<u64, u64>: Pair, Step<u64, u64>: Step);
