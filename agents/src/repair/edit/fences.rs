//! Code blocks, and where they end: what they hold may hold fences itself.

use std::path::Path;

use super::guard::is_whole;
use crate::repair::Language;

/// A code block of an answer.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// What stands behind the fence that opens it.
    pub(super) info: &'a str,
    /// The first line in it, and that of the fence behind it.
    pub(super) begin: usize,
    pub(super) end: usize,
}

/// The file that a block is of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Of<'a> {
    /// Its path, where that is known.
    pub(super) path: Option<&'a str>,
    /// What it held before.
    pub(super) old: &'a str,
}

/// The length of a fence and what stands behind it.
pub(super) fn fence(line: &str) -> Option<(usize, &str)> {
    let line = line.trim();
    let rest = line.trim_start_matches('`');
    let length = line.len() - rest.len();
    (length >= 3 && !rest.contains('`')).then(|| (length, rest.trim()))
}

/// The next block from a line on; `of` says which file one is of, by the line that opens it and what stands
/// behind its fence.
///
/// It ends at the first fence, as long as the one that opens it or longer, at which it may be whole: no string,
/// comment or here-document of it is open, nor a block within it that says what it holds. Of languages that this
/// says little of it has to have as many fences within as the file had, and if that had none it must be the only
/// block.
///
/// # Errors
///
/// When it is not closed, or nobody knows where.
pub(super) fn next<'a, 'b>(
    lines: &[&'a str],
    from: usize,
    of: impl Fn(usize, &'a str) -> Of<'b>,
) -> Result<Option<Block<'a>>, String> {
    let opens = |at: &usize| lines.get(*at).is_some_and(|line| fence(line).is_some());
    let Some(opening) = (from..lines.len()).find(opens) else {
        return Ok(None);
    };
    let (length, info) = lines
        .get(opening)
        .and_then(|line| fence(line))
        .unwrap_or((3, ""));
    let of = of(opening, info);
    let path = of.path.unwrap_or(match info.split_whitespace().next() {
        Some("python" | "py" | "python3") => "a.py",
        Some("rust" | "rs") => "a.rs",
        _ => "",
    });
    let is_known = Language::of(Path::new(path)) != Language::Other;
    let begin = opening + 1;
    let fences = fences(lines.iter().skip(begin), length);
    // Where it may end, and how many fences are within.
    let mut ends: Vec<(usize, usize)> = Vec::new();
    let mut nested = 0_usize;
    for (count, (at, info)) in fences.iter().enumerate() {
        match (info.is_empty(), nested) {
            (true, 0) => ends.push((begin + at, count)),
            (true, _) if is_known => ends.push((begin + at, count)),
            (true, _) => nested -= 1,
            (false, _) => nested += 1,
        }
    }
    let inner = |end: usize| lines.get(begin..end).unwrap_or_default().join("\n");
    let whole = ends.iter().find(|(end, _)| is_whole(path, &inner(*end)));
    let had = self::fences(of.old.lines().collect::<Vec<_>>().iter(), length).len();
    let end = match (&*ends, whole) {
        ([], _) => return Err(UNCLOSED.to_owned()),
        (_, Some((end, _))) if is_known => *end,
        // It does not end well, but nowhere else.
        ([(end, _)], None) if is_known => *end,
        (_, None) => return Err(UNCLOSED.to_owned()),
        _ if had > 0 => {
            let mut alike = ends
                .iter()
                .filter(|(end, count)| *count == had && is_whole(path, &inner(*end)));
            let found = alike.next().map(|(end, _)| *end);
            found.ok_or_else(|| unclear(length))?
        }
        ([(end, _)], Some(_)) => *end,
        (_, Some((end, count))) => {
            // What comes behind it says what it is, or may as well be of it.
            let more = fences.get(count + 1);
            let is_other = more.is_none_or(|(_, info)| !info.is_empty());
            is_other.then_some(*end).ok_or_else(|| unclear(length))?
        }
    };
    Ok(Some(Block { info, begin, end }))
}

const UNCLOSED: &str = "the code block is not closed: the answer broke off, or is too long";

fn unclear(length: usize) -> String {
    let longer = "`".repeat(length + 1);
    format!(
        "nobody can tell where the code block ends; write one block, between two lines {longer}"
    )
}

/// The fences of so many marks or more: in which line, and what stands behind them.
fn fences<'a, 'b>(lines: impl Iterator<Item = &'b &'a str>, length: usize) -> Vec<(usize, &'a str)>
where
    'a: 'b,
{
    let all = lines.enumerate().filter_map(|(at, line)| {
        let (own, info) = fence(line)?;
        (own >= length).then_some((at, info))
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(answer: &str, path: &str, old: &str) -> Result<String, String> {
        let lines: Vec<&str> = answer.lines().collect();
        let of = |_: usize, _: &str| Of {
            path: Some(path).filter(|path| !path.is_empty()),
            old,
        };
        let block = next(&lines, 0, of)?.unwrap();
        Ok(lines[block.begin..block.end].join("\n"))
    }

    #[test]
    fn a_block_holds_fences_that_are_of_its_strings_and_comments() {
        for (path, text) in [
            (
                "a.py",
                "def f():\n    \"\"\"F.\n\n    ```\n    f()\n    ```\n    \"\"\"\n    return 1",
            ),
            ("a.py", "HELP = '''\n```sh\nf\n```\n'''\nx = 1"),
            ("a.rs", "/**\nF.\n```\nf();\n```\n*/\nfn f() {}"),
            (
                "a.rs",
                "/*!\n```rust\nf();\n```\n*/\nconst A: &str = br#\"\\\"\n```\n\"#;",
            ),
            ("a.sh", "cat <<EOF\n```\nf\n```\nEOF\necho"),
            ("a.sh", "cat <<-'END' > a\n```sh\nf\n```\n\tEND\necho"),
        ] {
            for fence in ["```", "````"] {
                let answer = format!("Here:\n{fence}\n{text}\n{fence}\n");
                assert_eq!(block(&answer, path, "").as_deref(), Ok(text), "{answer}");
                let more = format!("{answer}It gives:\n```text\n1\n```\n");
                assert_eq!(block(&more, path, "").as_deref(), Ok(text), "{more}");
            }
            let broken = format!("```\n{}", text.split_inclusive("```").next().unwrap());
            let whole = format!("{broken}\n```\n");
            assert!(
                block(&broken, path, "").is_err() || !path.ends_with("sh"),
                "{broken}"
            );
            // Where it broke off behind several, none is its end.
            assert!(block(&whole, path, "").is_err(), "{whole}");
        }
    }

    #[test]
    fn of_other_languages_the_file_says_how_many_there_are() {
        let old = "A\n```\na\n```\nB\n";
        let text = "A\n```\nb\n```\nB";
        let answer = format!("```\n{text}\n```\n");
        assert_eq!(block(&answer, "a.md", old).as_deref(), Ok(text));
        let more = format!("{answer}So it is.\n```\nc\n```\n");
        assert_eq!(block(&more, "a.md", old).as_deref(), Ok(text));
        let told = "between two lines ````";
        for (answer, old) in [(&*answer, ""), ("```\nA\n```\nb\n", old), (&more, "")] {
            let refused = block(answer, "a.md", old).unwrap_err();
            assert!(refused.contains(told), "{refused}");
        }
        let single = "```sh\necho\n```\n";
        assert_eq!(block(single, "", "").as_deref(), Ok("echo"));
        let two = format!("{single}It gives:\n```text\n1\n```\n");
        assert_eq!(block(&two, "", "").as_deref(), Ok("echo"));
        let long = "````\necho\n````\nIt gives:\n```\n1\n```\n";
        assert_eq!(block(long, "", "").as_deref(), Ok("echo"));
    }

    #[test]
    fn what_is_not_closed_is_told() {
        for answer in [
            "```python\nx = 1\n",
            "```sh\ncat <<EOF\n```\n",
            "```\na\n```sh\nb\n```\n",
        ] {
            let refused = block(answer, "", "").unwrap_err();
            assert!(refused.contains("not closed"), "{refused}");
        }
    }
}
