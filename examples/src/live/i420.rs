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
        let (mut y, mut u, mut v) = (Vec::new(), Vec::new(), Vec::new());
        y.reserve(width * height);
        for line in pixels.chunks_exact(row.max(1)).take(height) {
            y.extend(line.chunks_exact(4).take(width).map(luma));
        }
        for two in pixels.chunks_exact((row * 2).max(1)).take(height / 2) {
            let (upper, lower) = two.split_at(row);
            for (a, b) in upper.chunks_exact(8).zip(lower.chunks_exact(8)).take(width / 2) {
                let mean = |at: usize| {
                    let sum: i32 = [a[at], a[at + 4], b[at], b[at + 4]].map(i32::from).iter().sum();
                    sum / 4
                };
                let (blue, green, red) = (mean(0), mean(1), mean(2));
                u.push((((-38 * red - 74 * green + 112 * blue + 128) >> 8) + 128) as u8);
                v.push((((112 * red - 94 * green - 18 * blue + 128) >> 8) + 128) as u8);
            }
        }
        Some(Self { width, height, y, u, v })
    }
}

fn luma(pixel: &[u8]) -> u8 {
    let [blue, green, red] = [pixel[0], pixel[1], pixel[2]].map(i32::from);
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
