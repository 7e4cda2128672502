"use strict";
// Sends documents one after another and puts each verdict, as the server words it, in its place on the page.
(() => {
  const form = document.getElementById("files");
  const input = document.getElementById("file");
  const byCode = document.getElementById("by-code");
  const queue = document.getElementById("queue");
  const section = document.getElementById("results-section");
  const announce = document.getElementById("announce");
  const summary = document.getElementById("summary");
  const words = form.dataset;
  const waiting = [];
  let busy = false;

  // Files are sent as they are chosen: the label is the button, and there is nothing else to press.
  form.classList.add("scripted");
  document.getElementById("check").hidden = true;
  for (const hidden of form.querySelectorAll("[data-scripted]")) hidden.hidden = false;
  for (const article of queue.querySelectorAll(".verdict")) prepare(article);

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    add(input.files);
    form.reset();
  });
  input.addEventListener("change", () => {
    add(input.files);
    form.reset();
  });
  for (const type of ["dragenter", "dragover"]) {
    document.addEventListener(type, (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      form.classList.add("over");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) form.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    if (event.dataTransfer.files.length === 0) return;
    event.preventDefault();
    form.classList.remove("over");
    add(event.dataTransfer.files);
  });

  byCode.addEventListener("submit", (event) => {
    event.preventDefault();
    const body = new URLSearchParams(new FormData(byCode));
    enqueue({ name: body.get("code"), url: byCode.action, body });
  });
  window.addEventListener("hashchange", codeOfAddress);
  codeOfAddress();

  // The QR code on a certificate leads here with #c=CODE: a fragment, which browsers do not send to any server's log.
  function codeOfAddress() {
    const code = new URLSearchParams(location.hash.slice(1)).get("c");
    if (!code) return;
    byCode.elements.code.value = code;
    byCode.requestSubmit();
  }

  // The newest files stand first, those of one choice in the order in which they were chosen.
  function add(files) {
    const before = queue.firstChild;
    for (const file of files) {
      const body = new FormData();
      body.append("csrf", form.elements.csrf.value);
      body.append("file", file, file.name);
      enqueue({ name: file.name, url: form.action, body, file, tooLarge: file.size > Number(words.maxBytes), isOneOfSeveral: files.length > 1 }, before);
    }
  }

  function enqueue(job, before = queue.firstChild) {
    job.place = document.createElement("li");
    queue.insertBefore(job.place, before);
    section.hidden = false;
    wait(job);
    next();
  }

  function wait(job) {
    job.cancel = () => {
      waiting.splice(waiting.indexOf(job), 1);
      fail(job, words.cancelled, true);
    };
    show(job, words.waiting);
    waiting.push(job);
  }

  function next() {
    const job = busy ? undefined : waiting.shift();
    if (!job) return;
    if (job.tooLarge) {
      fail(job, words.tooLarge, false);
      next();
      return;
    }
    busy = true;
    const request = new XMLHttpRequest();
    job.cancel = () => request.abort();
    const progress = show(job, words.uploading, true);
    const state = progress.previousElementSibling;
    request.open("POST", job.url);
    request.setRequestHeader("X-Fragment", "verdict");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) {
        progress.max = event.total;
        progress.value = event.loaded;
        state.textContent = `${words.uploading} · ${size(event.loaded)} / ${size(event.total)}`;
      }
    });
    request.upload.addEventListener("load", () => {
      progress.removeAttribute("value");
      state.textContent = words.checking;
    });
    let cancelled = false;
    request.addEventListener("abort", () => { cancelled = true; });
    request.addEventListener("loadend", () => {
      busy = false;
      if (request.status === 200) {
        finish(job, request.responseText);
      } else if (cancelled) {
        fail(job, words.cancelled, true);
      } else if (request.status === 413) {
        fail(job, words.tooLarge, false);
      } else {
        fail(job, titleOf(request) || words.noAnswer, true);
      }
      next();
    });
    request.send(job.body);
  }

  // What an error page says, in the visitor's language.
  function titleOf(request) {
    if (request.status === 0) return "";
    const page = new DOMParser().parseFromString(request.responseText, "text/html");
    const said = [page.querySelector("h1"), page.querySelector(".lead")];
    return said.map((element) => (element ? element.textContent : "")).join(" · ");
  }

  function show(job, status, withProgress) {
    const box = element("div", "pending");
    const name = element("p", "file", job.name);
    const state = element("p", "hint", status);
    box.append(name, state);
    const cancel = element("button", "button quiet small", words.cancel);
    cancel.type = "button";
    cancel.setAttribute("aria-label", `${words.cancel} ${job.name}`);
    cancel.addEventListener("click", () => job.cancel());
    const progress = document.createElement("progress");
    if (withProgress) {
      progress.setAttribute("aria-label", `${status} ${job.name}`);
      box.append(progress);
    }
    box.append(cancel);
    job.place.replaceChildren(box);
    return progress;
  }

  function fail(job, reason, mayRetry) {
    const box = element("div", "notice bad");
    box.append(element("p", "file", job.name), element("p", "", reason));
    if (mayRetry) {
      const retry = element("button", "button quiet", words.retry);
      retry.type = "button";
      retry.addEventListener("click", () => {
        wait(job);
        next();
      });
      box.append(retry);
    }
    job.place.replaceChildren(box);
    announce.textContent = `${job.name}: ${reason}`;
  }

  function finish(job, html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const article = document.importNode(page.querySelector(".verdict"), true);
    prepare(article, job.file);
    job.place.replaceChildren(article);
    announce.textContent = `${job.name}: ${article.querySelector("h3").textContent}`;
    sum();
    if (waiting.length === 0) (job.isOneOfSeveral ? summary : article).scrollIntoView({ block: "nearest" });
  }

  // How many of each kind there are, once there are several.
  function sum() {
    const count = (tone) => queue.querySelectorAll(`.verdict[data-tone="${tone}"]`).length;
    const counts = { n: queue.querySelectorAll(".verdict").length };
    for (const tone of ["good", "bad", "unsure"]) counts[tone] = count(tone);
    summary.hidden = counts.n < 2;
    summary.textContent = summary.dataset.text.replace(/\{(\w+)\}/g, (_, name) => counts[name]);
  }

  // Brings a verdict to life. Without its file, as after a form was sent without scripts, there is nothing to cut.
  function prepare(article, file) {
    const print = article.querySelector("[data-print]");
    if (print) {
      print.hidden = false;
      print.addEventListener("click", () => window.print());
    }
    if (!file) return;
    for (const part of article.querySelectorAll("[data-scripted]")) part.hidden = false;
    for (const button of article.querySelectorAll("[data-signed]")) {
      button.addEventListener("click", () => save(file.slice(0, Number(button.dataset.signed), file.type), signedName(file.name)));
    }
    const button = article.querySelector("[data-compare]");
    if (!button) return;
    const place = article.querySelector(".compare");
    const label = button.textContent;
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => {
      const opens = place.hidden;
      button.setAttribute("aria-expanded", String(opens));
      button.textContent = opens ? compare.close : label;
      if (opens) {
        const pages = button.dataset.pages.split(",").filter(Boolean).map(Number);
        compare.open(place, file, Number(button.dataset.compare), pages);
      } else {
        place.hidden = true;
        place.replaceChildren();
      }
    });
  }

  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  }

  // `a.pdf` as `a.signed.pdf`.
  function signedName(name) {
    const dot = name.lastIndexOf(".");
    return dot > 0 ? `${name.slice(0, dot)}.signed${name.slice(dot)}` : `${name}.signed`;
  }

  function size(bytes) {
    return bytes < 1048576 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 1048576).toFixed(1)} MiB`;
  }

  function element(name, className, text) {
    const made = document.createElement(name);
    made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }
})();
