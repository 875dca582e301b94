//! What the inventor is asked, with an explanation and an example.

use catena_agents::Question;

pub(super) const WELCOME: &str = "\
Five questions about the invention. Answer in your own words, in as many lines as you like; a line with a
single dot ends an answer, and an answer of nothing else is left for later. Every answer is kept at once.";

/// The question; in full for a person.
pub(super) fn asked(question: Question, in_full: bool) -> String {
    let number = question.number();
    if !in_full {
        return format!("{number}. {}: {}", question.title(), question.text());
    }
    let (why, example) = about(question);
    format!(
        "\n{number}. {}\n{}\n  {why}\n  For instance: {example}",
        question.title(),
        question.text()
    )
}

/// Why it is asked, and an answer about a cup.
fn about(question: Question) -> (&'static str, &'static str) {
    match question {
        Question::Problem => (
            "One or two sentences: what does not work today, and for whom?",
            "Cups tip over when they are pushed at the rim, and hot drinks burn those who sit beside them.",
        ),
        Question::Background => (
            "Name what is closest to the invention and where each falls short. Everything here is read as\n  \
             known to everybody: nothing of the invention belongs here.",
            "Known cups have a foot as wide as their rim, and tip over easily. Others have a rubber ring below\n  \
             the foot, which holds on dry tables only and wears off.",
        ),
        Question::Solution => (
            "The longest answer. Describe every part or step, what it is connected to, and why; say what else\n  \
             could be used instead. The patent can say no more than you do. Numbers of the drawings help.",
            "The cup 10 has a body 11 and a foot 12. The foot 12 is wider than the body 11 and holds a weight\n  \
             13 of iron. The weight 13 is put in before the foot 12 is closed with a lid 14. Instead of iron,\n  \
             the weight 13 can be of stone.",
        ),
        Question::KeyPoints => (
            "What must nobody copy? One point a line, the most important one first: they become the claims.",
            "A foot wider than the body with a weight inside.\n  A lid that closes the foot and can be opened to take the weight out.",
        ),
        Question::Drawings => (
            "Say of each drawing what it shows. If there are none, say so.",
            "FIG. 1 shows the cup 10 from the side. FIG. 2 shows the foot 12 from below, without its lid.",
        ),
    }
}
