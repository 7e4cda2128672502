"use strict";
// Sends documents one after another and puts each verdict, as the server words it, in its place on the page.
(() => {
  const form = document.getElementById("files");
  const input = document.getElementById("file");
  const byCode = document.getElementById("by-code");
  const queue = document.getElementById("queue");
  const section = document.getElementById("results-section");
  const announce = document.getElementById("announce");
  const words = form.dataset;
  const waiting = [];
  let busy = false;

  for (const hidden of document.querySelectorAll("[data-scripted]")) hidden.hidden = false;
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

  function add(files) {
    for (const file of files) {
      const body = new FormData();
      body.append("csrf", form.elements.csrf.value);
      body.append("file", file, file.name);
      enqueue({ name: file.name, url: form.action, body, tooLarge: file.size > Number(words.maxBytes) });
    }
  }

  function enqueue(job) {
    job.place = document.createElement("li");
    queue.prepend(job.place);
    section.hidden = false;
    show(job, words.waiting);
    waiting.push(job);
    next();
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
    const progress = show(job, words.uploading, true);
    const request = new XMLHttpRequest();
    request.open("POST", job.url);
    request.setRequestHeader("X-Fragment", "verdict");
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) {
        progress.max = event.total;
        progress.value = event.loaded;
      }
    });
    request.upload.addEventListener("load", () => {
      progress.removeAttribute("value");
      progress.previousElementSibling.textContent = words.checking;
    });
    request.addEventListener("loadend", () => {
      busy = false;
      if (request.status === 200) {
        finish(job, request.responseText);
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
    const progress = document.createElement("progress");
    if (withProgress) {
      progress.setAttribute("aria-label", `${status} ${job.name}`);
      box.append(progress);
    }
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
        show(job, words.waiting);
        waiting.push(job);
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
    prepare(article);
    job.place.replaceChildren(article);
    announce.textContent = `${job.name}: ${article.querySelector("h3").textContent}`;
    if (waiting.length === 0) article.scrollIntoView({ block: "nearest" });
  }

  function prepare(article) {
    const button = article.querySelector("[data-print]");
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  function element(name, className, text) {
    const made = document.createElement(name);
    made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }
})();
