//! Stop sequences: an answer ends before the first of them.

/// Where the stop sequence begins that is complete first, as a byte index.
pub(crate) fn find_stop(text: &str, stops: &[String]) -> Option<usize> {
    stops
        .iter()
        .filter(|stop| !stop.is_empty())
        .filter_map(|stop| text.find(stop.as_str()).map(|at| (at + stop.len(), at)))
        .min()
        .map(|(_, start)| start)
}

/// Cuts a streamed text at a stop sequence, even one that is spread over several pieces.
///
/// Servers do this themselves, except those that ignore `stop` or take only so many of them.
#[derive(Debug)]
pub(crate) struct StopFilter {
    stops: Vec<String>,
    /// What may turn out to be the beginning of a stop sequence.
    held: String,
}

impl StopFilter {
    pub(crate) fn new(stops: &[String]) -> Self {
        let stops = stops.iter().filter(|stop| !stop.is_empty());
        Self {
            stops: stops.cloned().collect(),
            held: String::new(),
        }
    }

    /// Takes a piece; gives what is certainly part of the answer, and whether it ends here.
    pub(crate) fn push(&mut self, piece: String) -> (String, bool) {
        if self.stops.is_empty() {
            return (piece, false);
        }
        self.held.push_str(&piece);
        if let Some(at) = find_stop(&self.held, &self.stops) {
            self.held.truncate(at);
            return (std::mem::take(&mut self.held), true);
        }
        let keep = self.held.len() - self.open_suffix();
        let rest = self.held.split_off(keep);
        (std::mem::replace(&mut self.held, rest), false)
    }

    /// What was held back, now that nothing follows.
    pub(crate) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// The length of the longest end of `held` that begins a stop sequence.
    fn open_suffix(&self) -> usize {
        let longest = self.stops.iter().map(String::len).max().unwrap_or(0);
        let starts = self.held.char_indices().map(|(at, _)| at);
        starts
            .rev()
            .take_while(|at| self.held.len() - at < longest)
            .filter(|&at| {
                let end = self.held.get(at..).unwrap_or_default();
                self.stops.iter().any(|stop| stop.starts_with(end))
            })
            .last()
            .map_or(0, |at| self.held.len() - at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(pieces: &[&str], stops: &[&str]) -> (String, bool) {
        let stops: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
        let mut filter = StopFilter::new(&stops);
        let mut answer = String::new();
        for piece in pieces {
            let (text, stopped) = filter.push((*piece).to_owned());
            answer.push_str(&text);
            if stopped {
                return (answer, true);
            }
        }
        (answer + &filter.finish(), false)
    }

    #[test]
    fn the_cut_does_not_depend_on_the_pieces() {
        let text = "ein Übermaß\n\nQuestion: Ü";
        for stops in [
            &["\n\nQuestion"][..],
            &["Ü"],
            &["maß", "ß\n"],
            &["\n\nQuestion: Ü", "\n\nQ"],
        ] {
            let (whole, stopped) = filter(&[text], stops);
            assert!(stopped, "{stops:?}");
            let single: Vec<String> = text.chars().map(String::from).collect();
            let single: Vec<&str> = single.iter().map(String::as_str).collect();
            assert_eq!(filter(&single, stops), (whole, true), "{stops:?}");
        }
    }

    #[test]
    fn a_beginning_that_does_not_become_a_stop_sequence_is_kept() {
        let stops = ["END.", ""];
        assert_eq!(
            filter(&["the E", "N", "Ding EN"], &stops),
            ("the ENDing EN".to_owned(), false)
        );
    }

    #[test]
    fn text_that_cannot_be_part_of_a_stop_sequence_is_given_at_once() {
        let mut filter = StopFilter::new(&["END".to_owned()]);
        assert_eq!(filter.push("abc E".to_owned()), ("abc ".to_owned(), false));
        assert_eq!(filter.push("x".to_owned()), ("Ex".to_owned(), false));
    }
}
