use std::io::Cursor;

use proptest::prelude::*;

use super::*;

/// Builds small GGUF files.
#[derive(Clone, Default)]
struct Builder {
    pairs: Vec<Vec<u8>>,
    tensors: Vec<Vec<u8>>,
    data: usize,
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.extend(text.as_bytes());
    bytes
}

impl Builder {
    fn pair(mut self, key: &str, kind: u32, value: &[u8]) -> Self {
        let mut pair = text(key);
        pair.extend(kind.to_le_bytes());
        pair.extend(value);
        self.pairs.push(pair);
        self
    }

    fn tensor(mut self, name: &str, dimensions: &[u64], kind: u32, bytes: usize) -> Self {
        let mut tensor = text(name);
        tensor.extend((dimensions.len() as u32).to_le_bytes());
        dimensions
            .iter()
            .for_each(|length| tensor.extend(length.to_le_bytes()));
        tensor.extend(kind.to_le_bytes());
        tensor.extend((self.data as u64).to_le_bytes());
        self.tensors.push(tensor);
        self.data = (self.data + bytes).next_multiple_of(32);
        self
    }

    fn build(&self) -> Vec<u8> {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend((self.tensors.len() as u64).to_le_bytes());
        bytes.extend((self.pairs.len() as u64).to_le_bytes());
        bytes.extend(self.pairs.concat());
        bytes.extend(self.tensors.concat());
        bytes.resize(bytes.len().next_multiple_of(32) + self.data, 7);
        bytes
    }
}

fn tiny() -> Builder {
    let mut tokens = 8_u32.to_le_bytes().to_vec();
    tokens.extend(2_u64.to_le_bytes());
    tokens.extend([text("a"), text("bc")].concat());
    let mut scores = 6_u32.to_le_bytes().to_vec();
    scores.extend(2_u64.to_le_bytes());
    scores.extend([0; 8]);
    Builder::default()
        .pair("general.architecture", 8, &text("llama"))
        .pair("general.name", 8, &text("Tiny"))
        .pair("general.license", 8, &text("mit"))
        .pair("llama.context_length", 4, &64_u32.to_le_bytes())
        .pair("llama.block_count", 11, &1_i64.to_le_bytes())
        .pair("llama.embedding_length", 2, &32_u16.to_le_bytes())
        .pair("llama.rope.freq_base", 6, &1_f32.to_le_bytes())
        .pair("tokenizer.ggml.model", 8, &text("gpt2"))
        .pair("tokenizer.ggml.tokens", 9, &tokens)
        .pair("tokenizer.ggml.scores", 9, &scores)
        .pair("tokenizer.ggml.add_bos_token", 7, &[1])
        .pair("tokenizer.chat_template", 8, &text("{{ messages }}"))
        .tensor("embedding", &[32, 4], 2, 72)
        .tensor("output", &[32, 4], 2, 72)
        .tensor("norm", &[32], 0, 128)
}

fn read(bytes: Vec<u8>) -> Result<GgufInfo, String> {
    let len = bytes.len() as u64;
    parse(Reader::new(Cursor::new(bytes), len))
}

#[test]
fn the_facts_are_read() {
    let bytes = tiny().build();
    let len = bytes.len() as u64;
    let info = read(bytes).unwrap();
    assert_eq!(info.architecture, "llama");
    assert_eq!(info.name.as_deref(), Some("Tiny"));
    assert_eq!(info.license.as_deref(), Some("mit"));
    assert_eq!(
        (info.context_length, info.block_count, info.embedding_length),
        (Some(64), Some(1), Some(32))
    );
    assert_eq!(
        (info.tokenizer.as_deref(), info.vocabulary),
        (Some("gpt2"), Some(2))
    );
    assert!(info.has_chat_template);
    assert_eq!(info.parameters, 288);
    let types: Vec<_> = info
        .tensor_types
        .iter()
        .map(|t| (t.name.as_str(), t.tensors, t.parameters))
        .collect();
    assert_eq!(types, [("Q4_0", 2, 256), ("F32", 1, 32)]);
    assert_eq!(info.file_size, len);
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let bytes = tiny().build();
    for end in 0..bytes.len() - 31 {
        assert!(read(bytes[..end].to_vec()).is_err(), "cut at {end}");
    }
}

#[test]
fn what_it_is_not_is_said() {
    let refused = |bytes: &[u8]| read(bytes.to_vec()).unwrap_err();
    assert!(refused(b"PK\x03\x04").contains("does not begin"));
    assert!(refused(b"GGUF\x01\0\0\0").contains("version 1"));
    assert!(refused(b"GGUF\0\0\0\x03").contains("big-endian"));
    let none = Builder::default().build();
    assert!(refused(&none).contains("names no architecture"));
}

#[test]
fn impossible_counts_are_refused_before_they_cost_anything() {
    let mut many = tiny().build();
    many[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(read(many).unwrap_err().contains("tensors, more than"));
    let mut many = tiny().build();
    many[16..24].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
    assert!(
        read(many)
            .unwrap_err()
            .contains("metadata entries, more than")
    );

    let array = |kind: u32, count: u64| {
        let mut array = kind.to_le_bytes().to_vec();
        array.extend(count.to_le_bytes());
        read(tiny().pair("x", 9, &array).build()).unwrap_err()
    };
    assert!(array(10, u64::MAX / 8 + 1).contains("more than"));
    assert!(array(8, u64::MAX).contains("more than"));
    assert!(array(9, u64::MAX).contains("more than"));
    assert!(array(13, 1).contains("no type"));

    let long = read(tiny().pair("x", 8, &u64::MAX.to_le_bytes()).build()).unwrap_err();
    assert!(long.contains("cut short"), "{long}");
    let huge = read(tiny().tensor("t", &[u64::MAX, u64::MAX], 0, 0).build()).unwrap_err();
    assert!(huge.contains("too large"));
    let dimensions = read(tiny().tensor("t", &[1; 5], 0, 0).build()).unwrap_err();
    assert!(dimensions.contains("5 dimensions"));
}

#[test]
fn nesting_has_an_end() {
    let mut array = Vec::new();
    for _ in 0..1000 {
        array.extend(9_u32.to_le_bytes());
        array.extend(1_u64.to_le_bytes());
    }
    let deep = read(tiny().pair("x", 9, &array).build()).unwrap_err();
    assert!(deep.contains("nested too deeply"), "{deep}");
}

#[test]
fn an_unknown_tensor_type_is_named_by_its_number() {
    let info = read(tiny().tensor("odd", &[1000], 99, 0).build()).unwrap();
    assert_eq!(info.tensor_types[0].name, "type 99");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Any bytes changed in any way give an answer or an error.
    #[test]
    fn changed_bytes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = tiny().build();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = read(bytes.clone());
        bytes.truncate(cut.index(bytes.len()));
        let _ = read(bytes);
    }

    /// Eight bytes at once: lengths and counts of any size.
    #[test]
    fn changed_lengths_never_panic(at in any::<prop::sample::Index>(), value in any::<u64>(), shift in 0_u32..64) {
        let mut bytes = tiny().build();
        let at = at.index(bytes.len() - 8);
        bytes[at..at + 8].copy_from_slice(&(value >> shift).to_le_bytes());
        let _ = read(bytes);
    }
}
