//! One page of a PDF as a picture, for people to compare. The document may be hostile, and drawing it is much more code
//! than verifying it: it is done by a process that lives for one page, without files, network or secrets, under limits.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use hayro::{
    RenderCache, RenderSettings,
    hayro_interpret::{
        InterpreterSettings,
        font::{FontData, FontQuery},
    },
    hayro_syntax::Pdf,
    render,
    vello_cpu::color::palette::css::WHITE,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
    sync::Semaphore,
    time::timeout,
};

use crate::certificate::song_face;

/// Processor time that drawing one page may take, in seconds.
pub const CPU_S: u64 = 5;
/// Address space that it may take, in bytes: the program itself, the document and the picture are in it.
pub const ADDRESS_SPACE_BYTES: u64 = 1_536 * 1024 * 1024;
/// How long one drawing may take from its start, whatever it waits for.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a drawing waits for its turn.
const QUEUE_PATIENCE: Duration = Duration::from_secs(10);
/// The largest picture, in bytes of its PNG.
const MAX_PICTURE_BYTES: u64 = 32 * 1024 * 1024;
/// How wide a picture is, in pixels, unless that would make it too high.
const WIDTH: f32 = 1_000.0;
const MAX_HEIGHT: f32 = 3_000.0;

/// A page that was drawn.
#[derive(Debug)]
pub struct Drawn {
    /// How many pages the document has.
    pub pages: u32,
    /// PNG.
    pub picture: Vec<u8>,
}

/// Why a page is not drawn.
#[derive(Debug, thiserror::Error)]
pub enum NotDrawn {
    #[error("the document has {pages} pages")]
    NoSuchPage { pages: u32 },
    /// It cannot be read, or not within the limits.
    #[error("the page cannot be drawn")]
    Impossible,
    #[error("too many pages are being drawn")]
    Busy,
    #[error("no process can be started")]
    NoProcess(#[source] std::io::Error),
}

/// Has pages drawn, a few at a time.
pub struct Easel {
    program: PathBuf,
    font: Option<PathBuf>,
    at_once: Arc<Semaphore>,
}

impl Easel {
    /// `program` is this program, which has a command for it; `font` stands in for those that a document does not bring.
    pub fn new(program: PathBuf, font: Option<PathBuf>, at_once: usize) -> Self {
        Self {
            program,
            font,
            at_once: Arc::new(Semaphore::new(at_once.max(1))),
        }
    }

    /// Draws a page, counted from 1.
    pub async fn draw(&self, document: Bytes, page: u32) -> Result<Drawn, NotDrawn> {
        let turn = timeout(QUEUE_PATIENCE, self.at_once.acquire()).await;
        let _turn = turn.map_err(|_| NotDrawn::Busy)?.map_err(|_| NotDrawn::Busy)?;
        let mut command = Command::new(&self.program);
        command.arg("draw-page").arg(page.to_string()).args(&self.font);
        command
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut process = command.spawn().map_err(NotDrawn::NoProcess)?;
        let (Some(mut input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(NotDrawn::Impossible);
        };
        let drawing = async {
            let give = async move {
                // A process that has ended takes no more: its exit says why.
                let _ = input.write_all(&document).await;
            };
            let mut answer = Vec::new();
            let mut output = output.take(MAX_PICTURE_BYTES);
            let (_, taken) = tokio::join!(give, output.read_to_end(&mut answer));
            taken.map(|_| answer)
        };
        let answer = match timeout(PATIENCE, drawing).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) | Err(_) => return Err(NotDrawn::Impossible),
        };
        let ended = timeout(PATIENCE, process.wait()).await;
        if !matches!(ended, Ok(Ok(status)) if status.success()) {
            return Err(NotDrawn::Impossible);
        }
        let (pages, picture) = answer.split_first_chunk().ok_or(NotDrawn::Impossible)?;
        let pages = u32::from_be_bytes(*pages);
        if picture.is_empty() {
            return Err(NotDrawn::NoSuchPage { pages });
        }
        Ok(Drawn {
            pages,
            picture: picture.to_vec(),
        })
    }
}

/// What the process writes: the number of pages, then the picture; nothing where the document cannot be drawn.
pub fn answer(document: Vec<u8>, page: u32, font: Option<File>) -> Option<Vec<u8>> {
    let pdf = Pdf::new(document).ok()?;
    let pages = pdf.pages();
    let mut answer = u32::try_from(pages.len()).ok()?.to_be_bytes().to_vec();
    let Some(page) = usize::try_from(page)
        .ok()?
        .checked_sub(1)
        .and_then(|place| pages.get(place))
    else {
        return Some(answer);
    };
    let (width, height) = page.render_dimensions();
    let sound = |side: f32| side.is_finite() && side >= 1.0;
    if !sound(width) || !sound(height) {
        return None;
    }
    let scale = (WIDTH / width).min(MAX_HEIGHT / height);
    let side = |length: f32| {
        // Between 1 and MAX_HEIGHT.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let pixels = (length * scale).round().clamp(1.0, MAX_HEIGHT) as u16;
        pixels
    };
    let settings = InterpreterSettings {
        font_resolver: fonts(font),
        ..InterpreterSettings::default()
    };
    let pixels = render(
        page,
        &RenderCache::new(),
        &settings,
        &RenderSettings {
            x_scale: scale,
            y_scale: scale,
            width: Some(side(width)),
            height: Some(side(height)),
            bg_color: WHITE,
        },
    );
    answer.extend(pixels.into_png().ok()?);
    Some(answer)
}

type Resolver = Arc<dyn Fn(&FontQuery) -> Option<(FontData, u32)> + Send + Sync>;

/// The fonts for what a document leaves out: the standard fourteen, and ours for Chinese. That one is read from a file
/// that was opened before: when a page is drawn, no file can be.
fn fonts(song: Option<File>) -> Resolver {
    let song = Mutex::new((song, None::<(FontData, u32)>));
    Arc::new(move |query| match query {
        FontQuery::Standard(font) => Some(font.get_font_data()),
        FontQuery::Fallback(font) if font.character_collection.is_none() => {
            Some(font.pick_standard_font().get_font_data())
        }
        FontQuery::Fallback(_) => {
            let (file, read) = &mut *song.lock().ok()?;
            if let Some(mut file) = file.take() {
                let mut data = Vec::new();
                file.read_to_end(&mut data).ok()?;
                let face = song_face(&data)?;
                *read = Some((Arc::new(data), face));
            }
            read.clone()
        }
    })
}

/// Opens the font, if there is one.
pub fn open_font(path: Option<&Path>) -> Option<File> {
    path.and_then(|path| File::open(path).ok())
}
