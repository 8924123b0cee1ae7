//! Sets of documents of one segment, a bit each.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
}

impl Bits {
    pub(crate) fn empty(documents: u32) -> Bits {
        Bits { words: vec![0; (documents as usize).div_ceil(64)] }
    }

    pub(crate) fn full(documents: u32) -> Bits {
        let mut bits = Bits { words: vec![u64::MAX; (documents as usize).div_ceil(64)] };
        let spare = documents % 64;
        if spare != 0
            && let Some(last) = bits.words.last_mut()
        {
            *last = (1 << spare) - 1;
        }
        bits
    }

    #[inline]
    pub(crate) fn insert(&mut self, document: u32) {
        if let Some(word) = self.words.get_mut((document / 64) as usize) {
            *word |= 1 << (document % 64);
        }
    }

    pub(crate) fn remove(&mut self, document: u32) {
        if let Some(word) = self.words.get_mut((document / 64) as usize) {
            *word &= !(1 << (document % 64));
        }
    }

    #[inline]
    pub(crate) fn contains(&self, document: u32) -> bool {
        self.words.get((document / 64) as usize).is_some_and(|word| word & (1 << (document % 64)) != 0)
    }

    pub(crate) fn and(&mut self, other: &Bits) {
        self.words.iter_mut().zip(&other.words).for_each(|(mine, theirs)| *mine &= theirs);
    }

    pub(crate) fn or(&mut self, other: &Bits) {
        self.words.iter_mut().zip(&other.words).for_each(|(mine, theirs)| *mine |= theirs);
    }

    pub(crate) fn and_not(&mut self, other: &Bits) {
        self.words.iter_mut().zip(&other.words).for_each(|(mine, theirs)| *mine &= !theirs);
    }

    pub(crate) fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.words.len() * size_of::<u64>()
    }

    /// In ascending order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                if left == 0 {
                    return None;
                }
                let bit = left.trailing_zeros();
                left &= left - 1;
                u32::try_from(at).ok().map(|at| at * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_behave() {
        let mut odd = Bits::empty(130);
        (0..130).filter(|n| n % 2 == 1).for_each(|n| odd.insert(n));
        assert_eq!(Bits::full(130).count(), 130);
        assert_eq!(odd.iter().collect::<Vec<_>>(), (0..130).filter(|n| n % 2 == 1).collect::<Vec<_>>());
        let mut even = Bits::full(130);
        even.and_not(&odd);
        assert!(even.contains(128) && !even.contains(129));
        even.or(&odd);
        assert_eq!(even, Bits::full(130));
        even.and(&odd);
        assert_eq!(even.count(), 65);
    }
}
