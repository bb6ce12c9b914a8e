//! How a page looks: what is too wide for its screen, and pictures.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{Browser, Size, Theme};

/// The most of a page that is in a picture, in pixels.
const TALLEST: u64 = 1600;

const TOO_WIDE: &str = r#"
const [width] = arguments;
const framed = (element) => element.closest('[tabindex="0"][aria-label], pre[tabindex="0"], textarea');
return [...document.body.querySelectorAll('*')].filter((element) => {
  const box = element.getBoundingClientRect();
  const frame = framed(element);
  return element.checkVisibility() && box.width > 0 && box.right > width + 0.5 && box.left > -1000 && (!frame || frame === element);
}).map((element) => `${Math.ceil(element.getBoundingClientRect().right - width)} px: ${element.outerHTML.slice(0, 160)}`).slice(0, 8);
"#;

impl Browser {
    /// What reaches beyond the screen, as the page is shown now. What scrolls in a frame of its own does not count where
    /// the frame is named and takes the focus.
    ///
    /// Compared with the screen and not with the window: on a phone a browser makes its window as wide as its page.
    pub fn too_wide(&self, size: Size) -> Vec<String> {
        let found = self.driver.script(TOO_WIDE, json!([size.pixels().0]));
        let found = found.as_array().cloned().unwrap_or_default();
        found.iter().map(|one| one.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// A picture of the page as PNG; of one that is very long, its beginning.
    pub fn picture(&self, theme: Theme, size: Size) -> Vec<u8> {
        self.view(theme, size);
        let (width, height) = size.pixels();
        let tall = self.value_of("document.documentElement.scrollHeight").as_u64().unwrap_or(height);
        let tall = tall.clamp(height, TALLEST);
        // What is as tall as the window is as tall as the picture.
        self.resize(size, tall);
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": tall, "scale": 1 });
        let shot = self.driver.devtools(
            "Page.captureScreenshot",
            json!({ "format": "png", "captureBeyondViewport": false, "clip": clip }),
        );
        STANDARD.decode(shot["data"].as_str().unwrap_or_default()).expect("a picture in base64")
    }

    /// Pictures of the page in both themes and both sizes: `FOLDER/NAME-dark-phone.png`.
    pub fn screenshot(&self, folder: &Path, name: &str) {
        for (theme, size) in [
            (Theme::Light, Size::Desktop),
            (Theme::Dark, Size::Desktop),
            (Theme::Light, Size::Phone),
            (Theme::Dark, Size::Phone),
        ] {
            let file = folder.join(format!("{name}-{}-{}.png", theme.as_str(), size.as_str()));
            fs::write(file, self.picture(theme, size)).expect("the picture is written");
        }
        self.view(Theme::Light, Size::Desktop);
    }
}
