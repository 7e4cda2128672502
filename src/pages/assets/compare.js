"use strict";
// Pages of the signed version and of the file as it is now, side by side. The browser has the file: it cuts the signed
// version off itself, sends each version to be drawn, and looks for what differs.
globalThis.compare = (() => {
  const words = document.getElementById("compare-words").dataset;
  // Squares of this many pixels are compared; neighbours that differ share a frame.
  const SQUARE = 12;
  // How much a channel of a pixel may differ unseen, of 255.
  const UNSEEN = 12;

  // Opens a comparison in `place`; `pages` are those with known changes.
  function open(place, file, signedBytes, pages) {
    const view = { place, page: pages[0] ?? 1, count: 1, drawn: 0 };
    view.versions = [
      { name: words.signed, file: file.slice(0, signedBytes) },
      { name: words.now, file },
    ];
    const status = element("p", "found");
    status.setAttribute("role", "status");
    view.status = status;
    const nav = element("div", "compare-nav");
    view.previous = button(words.previous, () => turn(view, -1));
    view.next = button(words.next, () => turn(view, 1));
    view.where = element("span", "where");
    nav.append(view.previous, view.where, view.next);
    place.replaceChildren(nav);
    if (pages.length > 0) {
      const known = element("p", "compare-pages", words.changed);
      for (const page of pages) {
        const go = button(String(page), () => show(view, page));
        go.classList.add("small");
        known.append(" ", go);
      }
      place.append(known);
    }
    const sides = element("div", "sides");
    for (const version of view.versions) {
      const figure = document.createElement("figure");
      version.sheet = element("div", "sheet");
      figure.append(element("figcaption", "", version.name), version.sheet);
      sides.append(figure);
    }
    place.append(status, sides);
    place.hidden = false;
    show(view, view.page);
  }

  function turn(view, by) {
    show(view, Math.min(Math.max(view.page + by, 1), view.count));
  }

  async function show(view, page) {
    view.page = page;
    view.drawn += 1;
    const turn = view.drawn;
    tell(view, words.drawing);
    view.previous.disabled = view.next.disabled = true;
    const drawings = [];
    for (const version of view.versions) drawings.push(await draw(version.file, page));
    // Somebody turned the page meanwhile.
    if (turn !== view.drawn) return;
    view.count = Math.max(1, ...drawings.map((drawing) => drawing.pages || 0));
    view.where.textContent = words.page.replace("{page}", page).replace("{pages}", view.count);
    view.previous.disabled = page <= 1;
    view.next.disabled = page >= view.count;
    drawings.forEach((drawing, at) => put(view.versions[at], drawing));
    tell(view, mark(view.versions, drawings));
  }

  // Has one page of one version drawn.
  async function draw(file, page) {
    const body = new FormData();
    body.append("csrf", words.csrf);
    body.append("page", page);
    body.append("file", file, "document");
    try {
      const response = await fetch(words.action, { method: "POST", body });
      const pages = Number(response.headers.get("x-pages"));
      if (response.ok) return { pages, bitmap: await createImageBitmap(await response.blob()) };
      if (response.status === 404) return { pages, problem: words.absent };
      const full = response.status === 429 || response.status === 503;
      return { pages, problem: full ? words.busy : words.failed };
    } catch {
      return { problem: words.noAnswer };
    }
  }

  function put(version, drawing) {
    if (!drawing.bitmap) {
      version.canvas = undefined;
      version.sheet.replaceChildren(element("p", "hint", drawing.problem));
      return;
    }
    const canvas = document.createElement("canvas");
    canvas.width = drawing.bitmap.width;
    canvas.height = drawing.bitmap.height;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", version.name);
    canvas.getContext("2d", { willReadFrequently: true }).drawImage(drawing.bitmap, 0, 0);
    version.canvas = canvas;
    version.sheet.replaceChildren(canvas);
  }

  // Frames what differs; gives what there is to say of it.
  function mark(versions, drawings) {
    const problem = drawings.find((drawing) => drawing.problem);
    if (problem) return problem.problem;
    const [a, b] = versions.map((version) => version.canvas);
    if (a.width !== b.width || a.height !== b.height) return words.resized;
    const frames = differences(a, b);
    if (frames.length === 0) return words.same;
    for (const canvas of [a, b]) {
      const pen = canvas.getContext("2d");
      pen.strokeStyle = "#b3261e";
      pen.lineWidth = Math.max(2, canvas.width / 350);
      pen.setLineDash([pen.lineWidth * 4, pen.lineWidth * 2]);
      for (const { left, top, right, bottom } of frames) {
        pen.strokeRect(left - 4, top - 4, right - left + 8, bottom - top + 8);
      }
    }
    return words.differs;
  }

  function differences(a, b) {
    const pixels = [a, b].map((canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data);
    const columns = Math.ceil(a.width / SQUARE);
    const rows = Math.ceil(a.height / SQUARE);
    const differs = new Uint8Array(columns * rows);
    for (let y = 0; y < a.height; y += 1) {
      for (let x = 0; x < a.width; x += 1) {
        const at = 4 * (y * a.width + x);
        for (let channel = 0; channel < 3; channel += 1) {
          if (Math.abs(pixels[0][at + channel] - pixels[1][at + channel]) > UNSEEN) {
            differs[Math.floor(y / SQUARE) * columns + Math.floor(x / SQUARE)] = 1;
          }
        }
      }
    }
    const frames = [];
    for (let start = 0; start < differs.length; start += 1) {
      if (differs[start] === 1) frames.push(frame(differs, start, columns, rows));
    }
    return frames;
  }

  // The frame around the squares that hang together with this one, which are taken out.
  function frame(differs, start, columns, rows) {
    const open = [start];
    differs[start] = 0;
    const found = { left: columns, top: rows, right: 0, bottom: 0 };
    while (open.length > 0) {
      const at = open.pop();
      const [x, y] = [at % columns, Math.floor(at / columns)];
      found.left = Math.min(found.left, x);
      found.top = Math.min(found.top, y);
      found.right = Math.max(found.right, x + 1);
      found.bottom = Math.max(found.bottom, y + 1);
      for (let dy = -2; dy <= 2; dy += 1) {
        for (let dx = -2; dx <= 2; dx += 1) {
          const [nx, ny] = [x + dx, y + dy];
          if (nx < 0 || ny < 0 || nx >= columns || ny >= rows) continue;
          const next = ny * columns + nx;
          if (differs[next] === 1) {
            differs[next] = 0;
            open.push(next);
          }
        }
      }
    }
    const { left, top, right, bottom } = found;
    return { left: left * SQUARE, top: top * SQUARE, right: right * SQUARE, bottom: bottom * SQUARE };
  }

  function tell(view, text) {
    view.status.textContent = text;
  }

  function button(text, act) {
    const made = element("button", "button quiet", text);
    made.type = "button";
    made.addEventListener("click", act);
    return made;
  }

  function element(name, className, text) {
    const made = document.createElement(name);
    made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  return { open, close: words.close };
})();
