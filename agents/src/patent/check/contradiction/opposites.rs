//! What cannot hold of one thing at once: opposite words, and different materials.

/// Words of which the left and the right ones exclude each other, in the singular.
const PAIRS: &[(&[&str], &[&str])] = &[
    (&["rigid", "stiff", "inflexible"], &["flexible", "elastic"]),
    (&["hard"], &["soft"]),
    (&["open"], &["closed", "sealed"]),
    (&["above"], &["below", "beneath", "underneath"]),
    (&["inside", "within"], &["outside"]),
    (&["upper", "top"], &["lower", "bottom"]),
    (&["inner", "internal"], &["outer", "external"]),
    (&["front"], &["rear", "back"]),
    (&["left"], &["right"]),
    (&["upstream"], &["downstream"]),
    (&["horizontal", "horizontally"], &["vertical", "vertically"]),
    (&["parallel"], &["perpendicular"]),
    (&["hollow"], &["solid"]),
    (
        &["conductive", "conducting"],
        &["insulating", "nonconductive"],
    ),
    (&["transparent"], &["opaque"]),
    (&["permeable", "porous"], &["impermeable"]),
    (&["soluble"], &["insoluble"]),
    (&["convex"], &["concave"]),
    (&["smooth"], &["rough"]),
    (&["magnetic"], &["nonmagnetic"]),
    (
        &["fixed", "stationary", "immovable"],
        &["movable", "moveable", "mobile"],
    ),
    (
        &["permanently", "inseparably", "irremovably"],
        &["removably", "detachably", "releasably", "temporarily"],
    ),
    (&["automatic", "automatically"], &["manual", "manually"]),
    (&["directly"], &["indirectly"]),
    (&["clockwise"], &["counterclockwise", "anticlockwise"]),
    (&["wired"], &["wireless"]),
    (&["before"], &["after"]),
    (&["larger", "bigger", "greater"], &["smaller"]),
    (&["higher"], &["lower"]),
    (&["longer"], &["shorter"]),
    (&["wider", "broader"], &["narrower"]),
    (&["thicker"], &["thinner"]),
    (&["heavier"], &["lighter"]),
    (&["faster"], &["slower"]),
    (&["harder"], &["softer"]),
    (&["warmer", "hotter"], &["cooler", "colder"]),
];

/// The pairs that a word belongs to, each with its side.
pub(super) fn pairs(word: &str) -> impl Iterator<Item = (usize, bool)> {
    PAIRS
        .iter()
        .enumerate()
        .filter_map(move |(at, (left, right))| {
            let on_left = left.contains(&word);
            (on_left || right.contains(&word)).then_some((at, on_left))
        })
}

/// Materials, each with what it is a kind of, if that is one, too.
const MATERIALS: &[(&str, &str)] = &[
    ("metal", ""),
    ("alloy", "metal"),
    ("iron", "metal"),
    ("steel", "iron"),
    ("aluminum", "metal"),
    ("aluminium", "aluminum"),
    ("brass", "metal"),
    ("bronze", "metal"),
    ("copper", "metal"),
    ("gold", "metal"),
    ("magnesium", "metal"),
    ("nickel", "metal"),
    ("silver", "metal"),
    ("tin", "metal"),
    ("titanium", "metal"),
    ("tungsten", "metal"),
    ("zinc", "metal"),
    ("polymer", ""),
    ("plastic", "polymer"),
    ("resin", "polymer"),
    ("epoxy", "resin"),
    ("rubber", "polymer"),
    ("silicone", "rubber"),
    ("acrylic", "plastic"),
    ("nylon", "plastic"),
    ("polycarbonate", "plastic"),
    ("polyethylene", "plastic"),
    ("polypropylene", "plastic"),
    ("polystyrene", "plastic"),
    ("wood", ""),
    ("bamboo", "wood"),
    ("oak", "wood"),
    ("plywood", "wood"),
    ("cork", ""),
    ("paper", ""),
    ("cardboard", "paper"),
    ("leather", ""),
    ("wool", ""),
    ("cotton", ""),
    ("silk", ""),
    ("wax", ""),
    ("ceramic", ""),
    ("clay", "ceramic"),
    ("porcelain", "ceramic"),
    ("glass", ""),
    ("quartz", "glass"),
    ("concrete", ""),
    ("stone", ""),
    ("marble", "stone"),
    ("granite", "stone"),
    ("silicon", ""),
    ("carbon", ""),
    ("graphite", "carbon"),
];

/// A material that is known by this word in the singular.
pub(super) fn material(word: &str) -> Option<&'static str> {
    MATERIALS
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(name, _)| *name)
}

/// Whether one of two materials is a kind of the other: what is of steel is of metal.
pub(super) fn related(a: &str, b: &str) -> bool {
    is_kind(a, b) || is_kind(b, a)
}

fn is_kind(mut material: &str, of: &str) -> bool {
    loop {
        if material == of {
            return true;
        }
        match MATERIALS.iter().find(|(name, _)| *name == material) {
            Some((_, kind)) if !kind.is_empty() => material = kind,
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_a_material_is_no_other_material() {
        assert!(related("steel", "metal") && related("metal", "steel"));
        assert!(!related("steel", "brass") && !related("cork", "iron"));
        for (_, kind) in MATERIALS {
            assert!(kind.is_empty() || material(kind).is_some(), "{kind}");
        }
    }

    #[test]
    fn a_word_is_on_one_side_of_its_pairs() {
        assert_eq!(pairs("rigid").count(), 1);
        assert_eq!(pairs("round").count(), 0);
        // "The lower lid", and "lower than".
        assert_eq!(pairs("lower").count(), 2);
    }
}
