//! Tool calls, put together from their pieces.

use catena_core::ToolCall;

use super::CallPart;

/// The calls of an answer so far.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Call>);

#[derive(Debug)]
struct Call {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

impl Calls {
    pub(super) fn append(&mut self, parts: Vec<CallPart>) {
        for part in parts {
            match self.0.iter_mut().rev().find(|call| call.has(&part)) {
                Some(call) => {
                    if call.name.is_empty() {
                        call.name = part.name;
                    }
                    if call.id.is_empty() {
                        call.id = part.id;
                    }
                    call.arguments.push_str(&part.arguments);
                }
                None => self.0.push(Call {
                    index: part.index,
                    id: part.id,
                    name: part.name,
                    arguments: part.arguments,
                }),
            }
        }
    }

    /// The whole calls, in their order. One without an id gets one, and one without arguments an
    /// empty object.
    pub(super) fn finish(self) -> impl Iterator<Item = ToolCall> {
        let named = self.0.into_iter().filter(|call| !call.name.is_empty());
        named.enumerate().map(|(number, call)| ToolCall {
            id: match call.id {
                id if id.is_empty() => format!("call_{number}"),
                id => id,
            },
            name: call.name,
            arguments: match call.arguments.trim() {
                "" => "{}".to_owned(),
                _ => call.arguments,
            },
        })
    }
}

impl Call {
    /// Whether `part` goes on with this call. One without a name does, whatever its id: some servers
    /// give each piece a new one. Others number all calls 0, or none of them, and tell them apart by
    /// their ids, or send each in one piece.
    fn has(&self, part: &CallPart) -> bool {
        let same_id = part.id.is_empty() || part.id == self.id;
        let begins_another = part.id.is_empty() && !self.name.is_empty();
        self.index == part.index && (part.name.is_empty() || (same_id && !begins_another))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(index: Option<u64>, id: &str, name: &str, arguments: &str) -> CallPart {
        CallPart {
            index,
            id: id.into(),
            name: name.into(),
            arguments: arguments.into(),
        }
    }

    fn whole(parts: &[CallPart]) -> Vec<ToolCall> {
        let mut calls = Calls::default();
        for part in parts {
            calls.append(vec![part.clone()]);
        }
        calls.finish().collect()
    }

    #[test]
    fn pieces_of_parallel_calls_are_put_together() {
        let calls = whole(&[
            part(Some(0), "x", "f", ""),
            part(Some(1), "y", "g", "{"),
            part(Some(0), "", "", "{\"a\":"),
            part(Some(1), "", "", "}"),
            part(Some(0), "", "", " 1}"),
        ]);
        let expected = [
            ToolCall::new("x", "f", "{\"a\": 1}"),
            ToolCall::new("y", "g", "{}"),
        ];
        assert_eq!(calls, expected);
    }

    #[test]
    fn calls_that_a_server_does_not_number_are_told_apart() {
        for index in [None, Some(0)] {
            let by_id = [part(index, "x", "f", "{}"), part(index, "y", "f", "{}")];
            assert_eq!(whole(&by_id).len(), 2);
            let whole = whole(&[part(index, "", "f", ""), part(index, "", "f", "{}")]);
            let expected = [
                ToolCall::new("call_0", "f", "{}"),
                ToolCall::new("call_1", "f", "{}"),
            ];
            assert_eq!(whole, expected);
            let repeated = [part(index, "x", "f", "{"), part(index, "x", "f", "}")];
            assert_eq!(self::whole(&repeated), [ToolCall::new("x", "f", "{}")]);
        }
    }

    /// As vLLM sent them for a while: an id for each piece.
    #[test]
    fn an_id_of_its_own_does_not_tear_a_piece_off() {
        let calls = whole(&[
            part(Some(0), "x", "f", ""),
            part(Some(0), "y", "", "{\"a\":"),
            part(Some(0), "z", "", "1}"),
        ]);
        assert_eq!(calls, [ToolCall::new("x", "f", "{\"a\":1}")]);
        let late = whole(&[part(None, "", "f", ""), part(None, "x", "", "{}")]);
        assert_eq!(late, [ToolCall::new("x", "f", "{}")]);
    }

    #[test]
    fn what_has_no_name_is_no_call() {
        assert!(whole(&[part(None, "", "", "")]).is_empty());
    }
}
