//! A picture as pixels.

/// A picture as three planes without gaps (I420, BT.601 with studio range): brightness, and two of colour with half
/// the width and height. Both sides are even.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct I420 {
    /// From left to right, in pixels.
    pub width: usize,
    /// From top to bottom, in pixels.
    pub height: usize,
    /// The brightness.
    pub y: Vec<u8>,
    /// Blue.
    pub u: Vec<u8>,
    /// Red.
    pub v: Vec<u8>,
}

impl I420 {
    /// A picture of pixels of four bytes: blue, green, red and one of no meaning, in rows of `width`. A last row or
    /// column that is odd is left out. None where there are too few.
    #[must_use]
    pub fn of_bgrx(width: usize, height: usize, pixels: &[u8]) -> Option<Self> {
        let row = width * 4;
        let pixels = pixels.get(..row * height)?;
        let (width, height) = (width & !1, height & !1);
        let (mut y, mut u, mut v) = (vec![0; width * height], Vec::new(), Vec::new());
        u.reserve(width * height / 4);
        v.reserve(width * height / 4);
        // By indices, which are quick enough without an optimiser, too: a program that is tried out has none.
        for line in 0..height {
            let pixels = &pixels[line * row..][..row];
            let y = &mut y[line * width..][..width];
            let mut at = 0;
            for luma in y {
                *luma = brightness(pixels[at], pixels[at + 1], pixels[at + 2]);
                at += 4;
            }
        }
        for two in 0..height / 2 {
            let upper = &pixels[two * 2 * row..][..row];
            let lower = &pixels[(two * 2 + 1) * row..][..row];
            let mut at = 0;
            for _ in 0..width / 2 {
                let mean = |at: usize| {
                    let sum = i32::from(upper[at]) + i32::from(upper[at + 4]);
                    (sum + i32::from(lower[at]) + i32::from(lower[at + 4])) / 4
                };
                let (blue, green, red) = (mean(at), mean(at + 1), mean(at + 2));
                u.push((((-38 * red - 74 * green + 112 * blue + 128) >> 8) + 128) as u8);
                v.push((((112 * red - 94 * green - 18 * blue + 128) >> 8) + 128) as u8);
                at += 8;
            }
        }
        Some(Self { width, height, y, u, v })
    }
}

fn brightness(blue: u8, green: u8, red: u8) -> u8 {
    let (blue, green, red) = (i32::from(blue), i32::from(green), i32::from(red));
    (((66 * red + 129 * green + 25 * blue + 128) >> 8) + 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_the_standard_and_odd_rows_are_left_out() {
        let [white, red, blue] = [[255, 255, 255, 0], [0, 0, 255, 0], [255, 0, 0, 0]];
        for (colour, expected) in
            [(white, [235, 128, 128]), (red, [82, 90, 240]), (blue, [41, 240, 110])]
        {
            let picture = I420::of_bgrx(5, 3, &colour.repeat(15)).unwrap();
            assert_eq!((picture.width, picture.height), (4, 2));
            assert_eq!((picture.y.len(), picture.u.len(), picture.v.len()), (8, 2, 2));
            assert_eq!([picture.y[7], picture.u[1], picture.v[0]], expected);
        }
        assert_eq!(I420::of_bgrx(5, 3, &[0; 59]), None);
        assert_eq!(I420::of_bgrx(0, 0, &[]).map(|picture| picture.y.len()), Some(0));
    }
}
