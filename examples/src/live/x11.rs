//! The screen of an X server. Behind feature `x11`.

use anyhow::{Context as _, ensure};
use x11rb::connection::Connection as _;
use x11rb::protocol::xproto::{ConnectionExt as _, ImageFormat, ImageOrder, Window};
use x11rb::rust_connection::RustConnection;

use super::{Grab, I420};

/// The whole screen of the display that `DISPLAY` names.
#[derive(Debug)]
pub struct Display {
    connection: RustConnection,
    root: Window,
}

impl Display {
    /// Connects to it.
    ///
    /// # Errors
    ///
    /// There is none, or its pixels are not of four bytes, blue first.
    pub fn open() -> anyhow::Result<Self> {
        let (connection, number) = x11rb::connect(None).context("no X server")?;
        let setup = connection.setup();
        let screen = setup.roots.get(number).context("no such screen")?;
        let depth = screen.root_depth;
        let mut formats = setup.pixmap_formats.iter();
        let bits = formats.find(|format| format.depth == depth).map(|format| format.bits_per_pixel);
        let is_known = bits == Some(32) && setup.image_byte_order == ImageOrder::LSB_FIRST;
        ensure!(is_known, "pixels of {bits:?} bits, {:?}", setup.image_byte_order);
        let root = screen.root;
        Ok(Self { connection, root })
    }
}

impl Grab for Display {
    fn grab(&mut self) -> anyhow::Result<I420> {
        // It may be another size by now.
        let size = self.connection.get_geometry(self.root)?.reply()?;
        let (width, height) = (size.width, size.height);
        let format = ImageFormat::Z_PIXMAP;
        let asked = self.connection.get_image(format, self.root, 0, 0, width, height, !0)?;
        let image = asked.reply()?;
        I420::of_bgrx(width.into(), height.into(), &image.data).context("a picture that is cut off")
    }
}
