// Waiting pages look again; a certificate's remaining time counts down.
"use strict";
(() => {
  const again = document.querySelector("[data-again]");
  if (again) {
    const look = async () => {
      try {
        const answer = await fetch(location.href, { cache: "no-store" });
        const text = await answer.text();
        const seen = new DOMParser().parseFromString(text, "text/html").querySelector("[data-again]");
        if (!seen || seen.dataset.again !== again.dataset.again) location.reload();
      } catch {
        // No link: the page stays as it is until there is one.
      }
    };
    setInterval(look, 4000);
  }
  const clock = document.querySelector("[data-left]");
  if (clock) {
    const end = Date.now() + 1000 * Number(clock.dataset.left);
    const show = () => {
      const left = Math.max(0, Math.round((end - Date.now()) / 1000));
      clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
      if (left === 0) location.replace(clock.dataset.then);
    };
    show();
    setInterval(show, 1000);
  }
  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (event) => {
      if (form.dataset.sent) event.preventDefault();
      form.dataset.sent = "1";
    });
  }
})();
