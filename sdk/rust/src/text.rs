//! Walks over text sixteen bytes at a time, where the compiler is given
//! `-Ctarget-feature=+simd128`, as `tidemark plugin build` does; otherwise it
//! gives the same slowly.

/// A set of bytes.
pub struct Set {
    // For the upper half of a byte under 128 and of one over it, the bits of
    // those halves that each lower half is in with.
    low: [u8; 16],
    high: [u8; 16],
}

impl Set {
    /// The bytes of a text, and those between two with a `-` between them:
    /// `Set::of(b"0-9a-zA-Z_.-")`. A `-` at an end is itself.
    pub const fn of(text: &[u8]) -> Set {
        let mut set = Set { low: [0; 16], high: [0; 16] };
        let mut i = 0;
        while i < text.len() {
            let range = i + 2 < text.len() && text[i + 1] == b'-';
            let (mut c, last) = (text[i] as usize, text[if range { i + 2 } else { i }] as usize);
            while c <= last {
                let bit = 1 << (c >> 4 & 7);
                if c < 128 {
                    set.low[c & 15] |= bit;
                } else {
                    set.high[c & 15] |= bit;
                }
                c += 1;
            }
            i += if range { 3 } else { 1 };
        }
        set
    }

    /// All bytes that are not in it.
    pub const fn not(mut self) -> Set {
        let mut i = 0;
        while i < 16 {
            self.low[i] = !self.low[i];
            self.high[i] = !self.high[i];
            i += 1;
        }
        self
    }

    /// Whether a byte is in it.
    #[inline]
    pub const fn has(&self, c: u8) -> bool {
        let half = if c < 128 { self.low[c as usize & 15] } else { self.high[c as usize & 15] };
        half >> (c >> 4 & 7) & 1 != 0
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod sixteen {
    use super::Set;
    use std::arch::wasm32::*;

    #[derive(Clone, Copy)]
    pub struct Sixteen(v128);

    const COUNT: v128 = u8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const BIT: v128 = u8x16(1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128);

    fn load(b: &[u8; 16]) -> v128 {
        unsafe { v128_load(b.as_ptr() as *const v128) }
    }

    impl Sixteen {
        pub fn of(b: &[u8; 16]) -> Sixteen {
            Sixteen(load(b))
        }

        /// Without the first n bytes, and zeros behind.
        pub fn without(self, n: usize) -> Sixteen {
            Sixteen(u8x16_swizzle(self.0, u8x16_add(COUNT, u8x16_splat(n as u8))))
        }

        #[inline]
        pub fn within(self, s: &Set) -> u64 {
            let v = self.0;
            let low = u8x16_swizzle(load(&s.low), v128_and(v, u8x16_splat(0x8f)));
            let high = u8x16_swizzle(load(&s.high), v128_and(v128_xor(v, u8x16_splat(0x80)), u8x16_splat(0x8f)));
            let bits = v128_and(v128_or(low, high), u8x16_swizzle(BIT, u8x16_shr(v, 4)));
            u8x16_bitmask(u8x16_ne(bits, u8x16_splat(0))) as u64
        }

        #[inline]
        pub fn between(self, low: u8, high: u8) -> u64 {
            u8x16_bitmask(u8x16_le(u8x16_sub(self.0, u8x16_splat(low)), u8x16_splat(high - low))) as u64
        }

        #[inline]
        pub fn is(self, c: u8) -> u64 {
            u8x16_bitmask(u8x16_eq(self.0, u8x16_splat(c))) as u64
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod sixteen {
    use super::Set;

    #[derive(Clone, Copy)]
    pub struct Sixteen([u8; 16]);

    impl Sixteen {
        pub fn of(b: &[u8; 16]) -> Sixteen {
            Sixteen(*b)
        }

        pub fn without(self, n: usize) -> Sixteen {
            let mut b = [0; 16];
            b[..16 - n].copy_from_slice(&self.0[n..]);
            Sixteen(b)
        }

        fn mask(self, test: impl Fn(u8) -> bool) -> u64 {
            self.0.iter().rev().fold(0, |m, c| m << 1 | test(*c) as u64)
        }

        pub fn within(self, s: &Set) -> u64 {
            self.mask(|c| s.has(c))
        }

        pub fn between(self, low: u8, high: u8) -> u64 {
            self.mask(|c| low <= c && c <= high)
        }

        pub fn is(self, c: u8) -> u64 {
            self.mask(|x| x == c)
        }
    }
}

use sixteen::Sixteen;

#[inline]
fn sixteen(text: &[u8], from: usize) -> Sixteen {
    let mut b = [0; 16];
    b.copy_from_slice(&text[from..from + 16]);
    Sixteen::of(&b)
}

/// The last n bytes of a text, under 16, and zeros behind.
#[inline]
fn rest(text: &[u8], n: usize) -> Sixteen {
    if text.len() >= 16 {
        return sixteen(text, text.len() - 16).without(16 - n);
    }
    let mut b = [0; 16];
    for (to, from) in b.iter_mut().zip(&text[text.len() - n..]) {
        *to = *from;
    }
    Sixteen::of(&b)
}

/// 64 bytes of a text, or those that it still has. Masks say with a bit each,
/// the lowest first, which of them are in a set:
///
/// ```ignore
/// const SPACES: Set = Set::of(b" \t");
/// for from in (0..text.len()).step_by(64) {
///     let block = Block::at(text, from);
///     for i in places(block.within(&SPACES)) {
///         // text[from + i] is one
/// ```
///
/// Masks are numbers: `a & !b` is what is in one set and not in the other, `a <<
/// 1` what follows one of `a`, and the bit that falls out goes on in the next
/// block.
pub struct Block {
    part: [Sixteen; 4],
    there: u64, // the bits of those that it has
}

impl Block {
    /// The block that begins at a byte of a text.
    #[inline]
    pub fn at(text: &[u8], from: usize) -> Block {
        let n = text.len() - from;
        if n >= 64 {
            let part = [sixteen(text, from), sixteen(text, from + 16), sixteen(text, from + 32), sixteen(text, from + 48)];
            return Block { part, there: !0 };
        }
        let none = Sixteen::of(&[0; 16]);
        let rest = if n & 15 == 0 { none } else { rest(text, n & 15) };
        let part = |i: usize| match n / 16 {
            whole if i < whole => sixteen(text, from + 16 * i),
            whole if i == whole => rest,
            _ => none,
        };
        Block { part: [part(0), part(1), part(2), part(3)], there: (1 << n) - 1 }
    }

    #[inline]
    fn mask(&self, of: impl Fn(Sixteen) -> u64) -> u64 {
        let [a, b, c, d] = self.part;
        (of(a) | of(b) << 16 | of(c) << 32 | of(d) << 48) & self.there
    }

    /// Which bytes are in a set.
    #[inline]
    pub fn within(&self, s: &Set) -> u64 {
        self.mask(|x| x.within(s))
    }

    /// Which bytes are `c`.
    #[inline]
    pub fn is(&self, c: u8) -> u64 {
        self.mask(|x| x.is(c))
    }

    /// Which bytes are from `low` to `high`, both included.
    #[inline]
    pub fn between(&self, low: u8, high: u8) -> u64 {
        self.mask(|x| x.between(low, high))
    }
}

/// Where the bits of a mask stand, the lowest first.
#[inline]
pub fn places(mut mask: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = mask.trailing_zeros() as usize;
        mask &= mask.wrapping_sub(1);
        if at < 64 { Some(at) } else { None }
    })
}

/// Where the bytes in a set that begin at `from` end: `from` itself when the byte
/// there is not in it.
#[inline]
pub fn run_end(text: &[u8], mut from: usize, s: &Set) -> usize {
    while from + 16 <= text.len() {
        let out = sixteen(text, from).within(s) ^ 0xffff;
        if out != 0 {
            return from + out.trailing_zeros() as usize;
        }
        from += 16;
    }
    let n = text.len() - from;
    if n == 0 {
        return from;
    }
    from + (!rest(text, n).within(s) | 1 << n).trailing_zeros() as usize
}

/// Where the bytes in a set that end before `to` begin.
#[inline]
pub fn run_start(text: &[u8], mut to: usize, s: &Set) -> usize {
    while to >= 16 {
        let out = sixteen(text, to - 16).within(s) ^ 0xffff;
        if out != 0 {
            return to + 48 - out.leading_zeros() as usize;
        }
        to -= 16;
    }
    let v = if text.len() < 16 { rest(text, text.len()) } else { sixteen(text, 0) };
    64 - (!v.within(s) & ((1 << to) - 1)).leading_zeros() as usize
}

/// Adds a text. Short ones are copied here: `extend_from_slice` leaves the
/// sandbox, and that takes as long as some hundred bytes.
#[inline]
pub fn put(to: &mut Vec<u8>, text: &[u8]) {
    let (n, from) = (text.len(), text.as_ptr());
    if n > 256 {
        return to.extend_from_slice(text);
    }
    to.reserve(n);
    // What is written lies in the room reserved, and what is read in the text:
    // the last piece overlaps the one before.
    unsafe {
        let end = to.as_mut_ptr().add(to.len());
        if n >= 16 {
            let mut i = 0;
            while i + 16 < n {
                (end.add(i) as *mut [u8; 16]).write(*(from.add(i) as *const [u8; 16]));
                i += 16;
            }
            (end.add(n - 16) as *mut [u8; 16]).write(*(from.add(n - 16) as *const [u8; 16]));
        } else if n >= 8 {
            (end as *mut [u8; 8]).write(*(from as *const [u8; 8]));
            (end.add(n - 8) as *mut [u8; 8]).write(*(from.add(n - 8) as *const [u8; 8]));
        } else if n >= 4 {
            (end as *mut [u8; 4]).write(*(from as *const [u8; 4]));
            (end.add(n - 4) as *mut [u8; 4]).write(*(from.add(n - 4) as *const [u8; 4]));
        } else {
            for i in 0..n {
                *end.add(i) = *from.add(i);
            }
        }
        to.set_len(to.len() + n);
    }
}
