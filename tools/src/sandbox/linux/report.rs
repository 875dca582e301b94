//! What the child tells its parent.

use rustix::io::{self, Errno};

/// What failed in the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Step {
    Begin = 1,
    Groups,
    Propagation,
    Tree,
    Root,
    Attach,
    Proc,
    Folder,
    Protect,
    Pivot,
    Host,
    Fork,
    User,
    Directory,
    Limit,
    Privileges,
    Landlock,
    Rule,
    Seccomp,
    Exec,
}

impl Step {
    pub(super) fn of(number: u32) -> Option<Self> {
        const ALL: [Step; 20] = [
            Step::Begin,
            Step::Groups,
            Step::Propagation,
            Step::Tree,
            Step::Root,
            Step::Attach,
            Step::Proc,
            Step::Folder,
            Step::Protect,
            Step::Pivot,
            Step::Host,
            Step::Fork,
            Step::User,
            Step::Directory,
            Step::Limit,
            Step::Privileges,
            Step::Landlock,
            Step::Rule,
            Step::Seccomp,
            Step::Exec,
        ];
        ALL.into_iter().find(|step| *step as u32 == number)
    }
}

/// What the child reports; as bytes, 24 of them in one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// A step failed; `index` says at which of several things.
    Failed { step: u32, index: u32, errno: i32 },
    /// The program ended with this status of `wait`; processor time in microseconds.
    Ended { status: i32, cpu: u64 },
}

impl Report {
    pub(super) const SIZE: usize = 24;

    pub(super) fn to_bytes(self) -> [u8; Self::SIZE] {
        let (kind, a, b, c) = match self {
            Self::Failed { step, index, errno } => (1_u32, step, index, errno as u64),
            Self::Ended { status, cpu } => (2, status as u32, 0, cpu),
        };
        let mut bytes = [0; Self::SIZE];
        let words = kind
            .to_ne_bytes()
            .into_iter()
            .chain(a.to_ne_bytes())
            .chain(b.to_ne_bytes())
            .chain(0_u32.to_ne_bytes())
            .chain(c.to_ne_bytes());
        for (to, from) in bytes.iter_mut().zip(words) {
            *to = from;
        }
        bytes
    }

    pub(super) fn of(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| {
            let bytes = bytes.get(at..at + 4)?;
            Some(u32::from_ne_bytes(bytes.try_into().ok()?))
        };
        let long = u64::from_ne_bytes(bytes.get(16..24)?.try_into().ok()?);
        match word(0)? {
            1 => Some(Self::Failed {
                step: word(4)?,
                index: word(8)?,
                errno: long as i32,
            }),
            2 => Some(Self::Ended {
                status: word(4)? as i32,
                cpu: long,
            }),
            _ => None,
        }
    }
}

/// Done, or the step that failed, at which of its things, and why.
pub(super) type Done = Result<(), (Step, u32, Errno)>;

/// Says at which step a system call failed.
pub(super) trait At<T> {
    fn at(self, step: Step, index: usize) -> Result<T, (Step, u32, Errno)>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, step: Step, index: usize) -> Result<T, (Step, u32, Errno)> {
        self.map_err(|errno| (step, index as u32, errno))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read_as_they_were_written() {
        for report in [
            Report::Failed {
                step: Step::Exec as u32,
                index: 7,
                errno: 13,
            },
            Report::Ended {
                status: 0x0b00,
                cpu: u64::MAX,
            },
        ] {
            assert_eq!(Report::of(&report.to_bytes()), Some(report));
        }
        assert_eq!(Report::of(&[0; Report::SIZE]), None);
        assert_eq!(Report::of(&[1]), None);
        assert_eq!(Step::of(Step::Exec as u32), Some(Step::Exec));
    }
}
