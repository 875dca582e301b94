//! Ends a streamed text before the first of several texts.

/// Passes text through until a stop sequence appears, holding back only what could be the
/// beginning of one.
#[derive(Debug)]
pub(crate) struct StopMatcher {
    stops: Vec<String>,
    held: String,
    stopped: bool,
}

impl StopMatcher {
    /// `stops` must not hold an empty text, which would stop everything.
    pub(crate) fn new(stops: Vec<String>) -> Self {
        Self {
            stops,
            held: String::new(),
            stopped: false,
        }
    }

    /// Appends `text`; returns what is certainly part of the answer.
    pub(crate) fn push(&mut self, text: &str) -> String {
        if self.stopped {
            return String::new();
        }
        self.held.push_str(text);
        if let Some(at) = self
            .stops
            .iter()
            .filter_map(|stop| self.held.find(stop))
            .min()
        {
            self.stopped = true;
            self.held.truncate(at);
            return std::mem::take(&mut self.held);
        }
        let keep = self
            .stops
            .iter()
            .map(|stop| overlap(&self.held, stop))
            .max()
            .unwrap_or(0);
        let held = self.held.split_off(self.held.len() - keep);
        std::mem::replace(&mut self.held, held)
    }

    /// Whether a stop sequence appeared.
    pub(crate) fn stopped(&self) -> bool {
        self.stopped
    }

    /// What was held back, now that nothing follows.
    pub(crate) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// The longest end of `text`, in bytes, that is a beginning of `stop` but not all of it.
fn overlap(text: &str, stop: &str) -> usize {
    stop.char_indices()
        .map(|(at, _)| at)
        .filter(|&at| at > 0 && stop.get(..at).is_some_and(|part| text.ends_with(part)))
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stops: &[&str], pieces: &[&str]) -> (Vec<String>, bool) {
        let mut matcher = StopMatcher::new(stops.iter().map(ToString::to_string).collect());
        let mut out: Vec<String> = pieces.iter().map(|piece| matcher.push(piece)).collect();
        out.push(matcher.finish());
        (out, matcher.stopped())
    }

    #[test]
    fn a_stop_across_pieces_is_cut_out() {
        assert_eq!(
            run(&["END"], &["a E", "N", "D b"]),
            (
                vec!["a ".into(), String::new(), String::new(), String::new()],
                true
            )
        );
    }

    #[test]
    fn what_only_began_like_a_stop_is_given_back() {
        assert_eq!(
            run(&["END"], &["a EN", "T", "E"]),
            (
                vec!["a ".into(), "ENT".into(), String::new(), "E".into()],
                false
            )
        );
    }

    #[test]
    fn the_first_of_several_wins() {
        assert_eq!(run(&["c", "b"], &["abc"]).0.concat(), "a");
        assert_eq!(run(&["\n\n", "é!"], &["caf", "é", "! x"]).0.concat(), "caf");
    }

    #[test]
    fn without_stops_nothing_is_held() {
        assert_eq!(run(&[], &["a", "b"]).0, ["a", "b", ""]);
    }

    #[test]
    fn overlapping_beginnings_are_kept() {
        assert_eq!(
            run(&["aab"], &["aa", "a", "b"]),
            (
                vec![String::new(), "a".into(), String::new(), String::new()],
                true
            )
        );
    }
}
