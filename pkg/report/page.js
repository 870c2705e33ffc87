"use strict";
// Titles become tooltips at once, under the pointer and at the keyboard's focus.
const tip = document.getElementById("tip"), main = document.getElementById("main");
const tipped = e => e.target.closest && e.target.closest("[data-tip]");
function prepare() {
  for (const title of main.querySelectorAll("svg.track title")) {
    const of = title.parentNode;
    of.dataset.tip = title.textContent;
    of.setAttribute("aria-label", title.textContent);
    title.remove();
  }
}
function show(of) {
  tip.textContent = of.dataset.tip;
  tip.hidden = false;
  const at = of.getBoundingClientRect(), box = tip.getBoundingClientRect();
  const x = Math.min(Math.max(8, at.left + at.width / 2 - box.width / 2), innerWidth - box.width - 8);
  const y = at.top - box.height - 8 > 0 ? at.top - box.height - 8 : at.bottom + 8;
  tip.style.left = x + "px";
  tip.style.top = y + "px";
}
function hide() { tip.hidden = true; }
main.addEventListener("pointerover", e => { const of = tipped(e); of ? show(of) : hide(); });
main.addEventListener("pointerleave", hide);
main.addEventListener("focusin", e => { const of = tipped(e); of ? show(of) : hide(); });
main.addEventListener("focusout", hide);
addEventListener("scroll", hide, {passive: true});
main.addEventListener("keydown", e => {
  if (e.key === "Escape") return hide();
  const track = e.target.closest && e.target.closest("svg.track");
  const step = {ArrowRight: 1, ArrowLeft: -1, Home: -1e9, End: 1e9}[e.key];
  if (!track || !step) return;
  const left = of => of.getBoundingClientRect().left;
  const all = [...track.querySelectorAll("[data-tip]")].sort((a, b) => left(a) - left(b));
  const now = all.indexOf(e.target);
  const next = now < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(now + step, 0), all.length - 1);
  if (all[next]) all[next].focus();
  e.preventDefault();
});
prepare();

// While the job runs, the server sends the page anew when something has happened.
if (document.body.dataset.live) {
  const source = new EventSource(document.body.dataset.live);
  source.onmessage = e => {
    const open = [...main.querySelectorAll("details[open]")].map(d => d.id);
    const track = document.activeElement && document.activeElement.closest(".lane");
    hide();
    main.innerHTML = e.data;
    prepare();
    for (const id of open) { const d = document.getElementById(id); if (d) d.open = true; }
    const lane = track && document.getElementById(track.id);
    if (lane) lane.querySelector(".track").focus();
  };
  source.onerror = () => { const link = document.getElementById("link"); if (link) { link.textContent = "not connected"; link.className = "link off"; } };
}
