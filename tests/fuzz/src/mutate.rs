//! Inputs made of inputs.

/// A generator without luck: the same inputs for the same seed.
#[derive(Debug)]
pub(crate) struct Dice(u64);

/// Bytes of an input.
const LONGEST: usize = 16 * 1024;
/// What parsers stumble over, whatever they parse.
const BYTES: [u8; 24] =
    [0, 1, 9, 10, 13, 32, 34, 37, 38, 39, 44, 47, 48, 57, 58, 59, 61, 63, 91, 92, 123, 125, 127, 255];

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Dice(seed ^ 0x9E37_79B9_7F4A_7C15)
    }

    /// A number below; 0 for 0.
    pub(crate) fn roll(&mut self, below: usize) -> usize {
        // Xorshift64*: Marsaglia 2003, Vigna 2016.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        let below = u64::try_from(below).unwrap_or(1).max(1);
        usize::try_from(number % below).unwrap_or(0)
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.roll(of.len()))
    }
}

/// One to eight changes to one of the inputs.
pub(crate) fn mutated(dice: &mut Dice, corpus: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let mut input = dice.pick(corpus).cloned().unwrap_or_default();
    for _ in 0..=dice.roll(8) {
        change(dice, &mut input, corpus, words);
    }
    input.truncate(LONGEST);
    input
}

fn change(dice: &mut Dice, input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str]) {
    let at = dice.roll(input.len() + 1);
    let end = (at + dice.roll(24)).min(input.len());
    match dice.roll(10) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << dice.roll(8);
            }
        }
        1 => {
            if let (Some(byte), Some(new)) = (input.get_mut(at), dice.pick(&BYTES)) {
                *byte = *new;
            }
        }
        2 => input.insert(at, dice.pick(&BYTES).copied().unwrap_or_default()),
        3 => {
            input.drain(at..end);
        }
        // What is there, once more: elsewhere, or many times.
        4 => {
            let piece: Vec<u8> = input.get(at..end).unwrap_or_default().to_vec();
            let times = if dice.roll(8) == 0 { 64 } else { 1 };
            let to = dice.roll(input.len() + 1);
            input.splice(to..to, piece.repeat(times));
        }
        5 | 6 => {
            let word = dice.pick(words).copied().unwrap_or_default();
            let to = if dice.roll(2) == 0 { at } else { end };
            input.splice(at..to, word.bytes());
        }
        // The end of another.
        7 => {
            let other = dice.pick(corpus).cloned().unwrap_or_default();
            let from = dice.roll(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(other.get(from..).unwrap_or_default());
        }
        // A piece of another.
        8 => {
            let other = dice.pick(corpus).cloned().unwrap_or_default();
            let from = dice.roll(other.len() + 1);
            let to = (from + dice.roll(64)).min(other.len());
            input.splice(at..at, other.get(from..to).unwrap_or_default().iter().copied());
        }
        _ => {
            let number = ["0", "-1", "1e999", "9223372036854775808", "00", "0x1", "4294967296"];
            let text = dice.pick(&number).copied().unwrap_or_default();
            input.splice(at..end, text.bytes());
        }
    }
}
