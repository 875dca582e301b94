//! The marks for subscripts and superscripts in the full texts of the US patent office.

/// `CO.sub.2` as `CO₂`, `10.sup.3` as `10³`, and `f.sub.max` as `f_max`.
pub(super) fn without_marks(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    loop {
        let sub = rest.find(".sub.").map(|at| (at, true));
        let sup = rest.find(".sup.").map(|at| (at, false));
        let Some((at, lower)) = sub.into_iter().chain(sup).min() else {
            out.push_str(rest);
            return out;
        };
        out.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + ".sub.".len()..).unwrap_or_default();
        let length = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        if length == 0 {
            out.push(if lower { '_' } else { '^' });
            continue;
        }
        let (digits, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        out.extend(digits.chars().filter_map(|digit| script(digit, lower)));
        rest = after;
    }
}

fn script(digit: char, lower: bool) -> Option<char> {
    let value = digit.to_digit(10)?;
    match (lower, value) {
        (true, _) => char::from_u32(0x2080 + value),
        (false, 1) => Some('¹'),
        (false, 2) => Some('²'),
        (false, 3) => Some('³'),
        (false, _) => char::from_u32(0x2070 + value),
    }
}
