//! How the lines of a file end.

use similar::{Algorithm, capture_diff_slices};

/// A new text in which the lines of the old one end as they did there, a line that takes the place of
/// another as that one, and all others as most do.
pub(super) fn endings(old: &str, new: String) -> String {
    if !old.contains('\r') && old.ends_with('\n') || old.is_empty() {
        return new;
    }
    let ((before, ends), (after, _)) = (divided(old), divided(&new));
    let count = |end: &str| ends.iter().filter(|own| **own == end).count();
    let most = match count("\r\n") > count("\n") {
        true => "\r\n",
        false => "\n",
    };
    let mut text = String::with_capacity(new.len());
    for op in capture_diff_slices(Algorithm::Myers, &before, &after) {
        let (_, was, is) = op.as_tag_tuple();
        for (index, line) in after.get(is.clone()).into_iter().flatten().enumerate() {
            let own = ends.get(was.clone()).and_then(|ends| ends.get(index));
            let is_last = is.start + index + 1 == after.len();
            text += line;
            text += match own {
                // The last line of the old text, which had no end.
                Some(&"") if !is_last => most,
                Some(end) => end,
                None => most,
            };
        }
    }
    text
}

/// The lines of a text, and how each ends.
fn divided(text: &str) -> (Vec<&str>, Vec<&str>) {
    let line = |line: &'_ str| -> usize {
        let bare = line.strip_suffix("\r\n");
        bare.or_else(|| line.strip_suffix('\n'))
            .unwrap_or(line)
            .len()
    };
    let lines = text.split_inclusive('\n');
    lines.map(|whole| whole.split_at(line(whole))).unzip()
}
