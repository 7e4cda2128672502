"use strict";
// Buttons that copy the text of the element they name. Without this script they stay hidden.
for (const button of document.querySelectorAll("button[data-copy]")) {
  const label = button.textContent;
  const source = document.getElementById(button.dataset.copy);
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = button.dataset.copied;
    } catch {
      button.textContent = button.dataset.failed;
      getSelection().selectAllChildren(source);
    }
    setTimeout(() => { button.textContent = label; }, 3000);
  });
}
