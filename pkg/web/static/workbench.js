// What script adds to the workbench: counts that follow by themselves, charts that answer to the pointer, and
// pictures as PNG. Every page works without it.
"use strict";

const every = 4000; // milliseconds between two looks at the counts

function followCounts() {
  const places = document.querySelectorAll("[data-wave]");
  if (!places.length || !document.querySelector("[data-live]")) return;
  const look = async () => {
    if (document.hidden) return;
    let counts;
    try {
      const answer = await fetch("/counts.json", { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      counts = await answer.json();
    } catch {
      return; // the server is away; the next look may find it
    }
    for (const place of places) {
      const now = counts[place.dataset.wave];
      if (!now) continue;
      for (const cell of place.querySelectorAll("[data-count]")) {
        show(cell, now[cell.dataset.count] || "–");
      }
    }
  };
  setInterval(look, every);
  document.addEventListener("visibilitychange", look);
}

// show puts a number in place of the one there is, and leaves what stands behind it, such as a limit.
function show(cell, text) {
  const first = cell.firstChild;
  if (first && first.nodeType === Node.TEXT_NODE) {
    if (first.data === text) return;
    first.data = text;
  } else {
    cell.prepend(text);
  }
  cell.classList.remove("changed");
  void cell.offsetWidth; // lets the animation begin anew
  cell.classList.add("changed");
}

// enlivenPictures puts living charts in place of the still ones. A chart is laid out for one width: if the page
// has another than the two that came with it, the server is asked to lay it out for that one.
async function enlivenPictures() {
  const all = document.querySelector("[data-pictures]");
  if (!all) return;
  await load(all.dataset.script);
  let alive = [];
  let asked = 0;
  const draw = async () => {
    const turn = ++asked;
    const visible = [...all.querySelectorAll("[data-chart]")].filter((e) => e.offsetParent !== null);
    if (!visible.length) return;
    const width = Math.floor(visible[0].clientWidth);
    if (visible.some((e) => Number(e.dataset.width) !== width)) {
      if (width < 320) return; // the still pictures shrink, and stay
      let layouts;
      try {
        const answer = await fetch(all.dataset.pictures + "&width=" + width);
        if (!answer.ok) return;
        layouts = await answer.json();
      } catch {
        return;
      }
      if (turn !== asked) return; // the window has changed meanwhile
      for (const layout of layouts) {
        const place = visible.find((e) => e.dataset.chart === layout.name);
        if (place) Object.assign(place.dataset, { option: layout.option, width: layout.width, height: layout.height });
      }
    }
    alive.forEach((chart) => chart.dispose());
    alive = [];
    for (const place of visible) {
      place.style.height = place.dataset.height + "px";
      alive.push(cxmirror.enliven(place));
    }
  };
  await draw();
  let wait;
  addEventListener("resize", () => {
    clearTimeout(wait);
    wait = setTimeout(() => {
      const visible = [...all.querySelectorAll("[data-chart]")].find((e) => e.offsetParent !== null);
      if (visible && Number(visible.dataset.width) !== Math.floor(visible.clientWidth)) draw();
    }, 200);
  });
}

function load(address) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
}

// offerPNG adds a download of each picture as PNG, made here of the SVG.
function offerPNG() {
  for (const link of document.querySelectorAll('figure .downloads a[href*=".svg"]')) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "PNG";
    button.addEventListener("click", () => savePNG(link.href));
    link.after(" ", button);
  }
}

async function savePNG(address) {
  const answer = await fetch(address);
  if (!answer.ok) return;
  const svg = await answer.text();
  const image = new Image();
  image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(svg);
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = 2 * image.naturalWidth; // fit for print
  canvas.height = 2 * image.naturalHeight;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  const named = /filename="(.*)\.svg"/.exec(answer.headers.get("Content-Disposition") || "");
  canvas.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = (named ? named[1] : "chart") + ".png";
    link.click();
    URL.revokeObjectURL(link.href);
  }, "image/png");
}

// offerAll lets one box tick all others of its name on the page.
function offerAll() {
  for (const all of document.querySelectorAll("[data-all]")) {
    const boxes = () => [...document.querySelectorAll("input[type=checkbox]")].filter((box) => box.name === all.dataset.all);
    all.hidden = false;
    all.addEventListener("change", () => boxes().forEach((box) => { box.checked = all.checked; }));
  }
}

// offerPrint shows the buttons that print the page.
function offerPrint() {
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => print());
  }
}

// previewLetters shows a letter anew beside the field in which it is written, a moment after the last key.
function previewLetters() {
  for (const letter of document.querySelectorAll(".letter")) {
    const button = letter.querySelector("button[formtarget]");
    let wait;
    letter.addEventListener("input", () => {
      clearTimeout(wait);
      wait = setTimeout(() => button.form.requestSubmit(button), 700);
    });
  }
}

// showHere pushes the row of rooms, which is longer than a phone is wide in some languages, to where one is.
function showHere() {
  const here = document.querySelector(".bar nav [aria-current]");
  if (!here) return;
  const row = here.parentElement;
  row.scrollLeft = here.offsetLeft - row.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
}

showHere();
followCounts();
previewLetters();
offerAll();
offerPrint();
offerPNG();
enlivenPictures();
