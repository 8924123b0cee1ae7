//! Porter's stemmer (1980), as the english analyser uses it.

/// Words with other than small Latin letters are left as they are.
pub(super) fn stem(word: &str) -> String {
    if word.len() < 3 || !word.bytes().all(|b| b.is_ascii_lowercase()) {
        return word.to_owned();
    }
    let mut stem = Stem { word: word.as_bytes().to_vec() };
    stem.plurals();
    stem.past_and_progressive();
    stem.final_y();
    stem.replace_by_measure(DOUBLE_SUFFIXES, 0);
    stem.replace_by_measure(SUFFIXES, 0);
    stem.drop_suffixes();
    stem.tidy_end();
    String::from_utf8(stem.word).unwrap_or_else(|_| word.to_owned())
}

const DOUBLE_SUFFIXES: &[(&str, &str)] = &[
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
    ("logi", "log"),
];

const SUFFIXES: &[(&str, &str)] = &[("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", "")];

const DROPPED: &[&str] =
    &["al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "sion", "tion", "ou", "ism", "ate", "iti", "ous", "ive", "ize"];

struct Stem {
    word: Vec<u8>,
}

impl Stem {
    fn consonant(&self, at: usize) -> bool {
        match self.word.get(at) {
            Some(b'a' | b'e' | b'i' | b'o' | b'u') | None => false,
            Some(b'y') => at == 0 || !self.consonant(at - 1),
            Some(_) => true,
        }
    }

    /// How many times vowels are followed by consonants in the first `length` letters.
    fn measure(&self, length: usize) -> usize {
        (1..length).filter(|at| self.consonant(*at) && !self.consonant(at - 1)).count()
    }

    fn has_vowel(&self, length: usize) -> bool {
        (0..length).any(|at| !self.consonant(at))
    }

    fn double_consonant(&self) -> bool {
        let n = self.word.len();
        n >= 2 && self.word[n - 1] == self.word[n - 2] && self.consonant(n - 1)
    }

    /// Consonant, vowel, consonant at the end of the first `length` letters, the last not w, x or y.
    fn cvc(&self, length: usize) -> bool {
        length >= 3
            && self.consonant(length - 3)
            && !self.consonant(length - 2)
            && self.consonant(length - 1)
            && !matches!(self.word.get(length - 1), Some(b'w' | b'x' | b'y'))
    }

    fn before(&self, suffix: &str) -> Option<usize> {
        self.word.ends_with(suffix.as_bytes()).then(|| self.word.len() - suffix.len())
    }

    fn put(&mut self, length: usize, ending: &str) {
        self.word.truncate(length);
        self.word.extend_from_slice(ending.as_bytes());
    }

    fn plurals(&mut self) {
        if self.word.ends_with(b"sses") || self.word.ends_with(b"ies") {
            self.put(self.word.len() - 2, "");
        } else if self.word.ends_with(b"s") && !self.word.ends_with(b"ss") {
            self.put(self.word.len() - 1, "");
        }
    }

    fn past_and_progressive(&mut self) {
        if let Some(length) = self.before("eed") {
            if self.measure(length) > 0 {
                self.put(length + 2, "");
            }
            return;
        }
        let Some(length) = self.before("ed").or_else(|| self.before("ing")).filter(|length| self.has_vowel(*length)) else { return };
        self.put(length, "");
        if ["at", "bl", "iz"].iter().any(|ending| self.word.ends_with(ending.as_bytes())) {
            self.word.push(b'e');
        } else if self.double_consonant() {
            if !matches!(self.word.last(), Some(b'l' | b's' | b'z')) {
                self.word.pop();
            }
        } else if self.measure(self.word.len()) == 1 && self.cvc(self.word.len()) {
            self.word.push(b'e');
        }
    }

    fn final_y(&mut self) {
        if let Some(length) = self.before("y").filter(|length| self.has_vowel(*length)) {
            self.put(length, "i");
        }
    }

    fn replace_by_measure(&mut self, suffixes: &[(&str, &str)], least: usize) {
        let longest = suffixes.iter().filter(|(suffix, _)| self.word.ends_with(suffix.as_bytes())).max_by_key(|(suffix, _)| suffix.len());
        if let Some((suffix, ending)) = longest {
            let length = self.word.len() - suffix.len();
            if self.measure(length) > least {
                self.put(length, ending);
            }
        }
    }

    fn drop_suffixes(&mut self) {
        let longest = DROPPED.iter().filter(|suffix| self.word.ends_with(suffix.as_bytes())).max_by_key(|suffix| suffix.len());
        let Some(suffix) = longest else { return };
        // Of -sion and -tion only -ion goes.
        let cut = if suffix.ends_with("ion") { 3 } else { suffix.len() };
        let length = self.word.len() - cut;
        if self.measure(length) > 1 {
            self.put(length, "");
        }
    }

    fn tidy_end(&mut self) {
        if let Some(length) = self.before("e") {
            let measure = self.measure(length);
            if measure > 1 || (measure == 1 && !self.cvc(length)) {
                self.put(length, "");
            }
        }
        if self.word.ends_with(b"ll") && self.measure(self.word.len()) > 1 {
            self.word.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn known_stems() {
        for (word, expected) in [
            ("caresses", "caress"),
            ("ponies", "poni"),
            ("cats", "cat"),
            ("agreed", "agre"),
            ("plastered", "plaster"),
            ("hopping", "hop"),
            ("filing", "file"),
            ("happy", "happi"),
            ("relational", "relat"),
            ("conditional", "condit"),
            ("triplicate", "triplic"),
            ("adjustment", "adjust"),
            ("adoption", "adopt"),
            ("probate", "probat"),
            ("controll", "control"),
            ("sky", "sky"),
        ] {
            assert_eq!(stem(word), expected, "{word}");
        }
    }
}
