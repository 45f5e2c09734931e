// The live page: takes pictures from a camera, a video or a photo, has them looked at, and draws
// what was found. Pictures are kept nowhere: each takes the place of the one before.

import { BrowserEngine, ServerEngine } from "/live/static/engines.js";
import { Smoother, shared } from "/live/static/tracks.js";

const FRAME = 640; // the longer side of what is looked at, in pixels
const PHOTO = 1280;
const MOST_BYTES = 50e6, MOST_PIXELS = 40e6; // of a photo, as src/detection.py
const HAPPENS = {
  browser: "On: this browser. No picture leaves your machine, and none is stored.",
  server: "On: the server. Each picture is sent to it, looked at in its memory and then forgotten; none is stored.",
  missing: "This browser could do it alone, but that is not installed here: who runs the server can bring it with python tools/fetch_ort_web.py.",
  cannot: "This browser cannot run the model itself.",
};

const part = (id) => document.getElementById(id);
const [live, stage, video, photo, faces, under, empty] =
  ["live", "stage", "video", "photo", "faces", "under", "empty"].map(part);
const settings = fetch("/live/settings.json").then((answer) => answer.json());
const frame = document.createElement("canvas");

const state = {
  source: null, // "camera", "video" or "photo"
  mode: null, // "browser" or "server"
  engine: null,
  paused: false,
  mirrored: true,
  shown: [], // what is drawn, in pixels of the frame
  turn: 0, // a loop that is not the newest ends
};

// ------------------------------------------------------------------------------ who looks

const installed = live.dataset.browserMode === "yes";
const possible = installed && BrowserEngine.possible();

function choose(mode) {
  state.engine?.close();
  state.engine = null;
  state.mode = mode;
  document.querySelector(`input[name=mode][value=${mode}]`).checked = true;
  const why = installed ? (possible ? "" : HAPPENS.cannot) : HAPPENS.missing;
  part("happens").textContent = [HAPPENS[mode], why].filter(Boolean).join(" ");
  if (state.source === "photo") lookAtPhoto();
  else if (state.source) run();
}

function engine() {
  state.engine ??= state.mode === "browser" ? new BrowserEngine() : new ServerEngine();
  return state.engine;
}

// Looks at what is shown: throws an Error with a sentence.
async function look(source, width, height, longest, careful) {
  const scale = Math.min(1, longest / Math.max(width, height));
  frame.width = Math.max(1, Math.round(width * scale));
  frame.height = Math.max(1, Math.round(height * scale));
  const context = frame.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, frame.width, frame.height);
  const start = performance.now(), used = engine();
  const answer = await used.look(frame, careful);
  return { ...answer, passed: performance.now() - start, width: frame.width, height: frame.height };
}

// ------------------------------------------------------------------------------ the loop

async function run() {
  const turn = ++state.turn;
  const smoother = new Smoother(await settings);
  const times = [], waits = [];
  if (!state.engine) part("say").textContent = "Starting ...";
  let fresh = true;
  const arrived = () => {
    fresh = true;
    if (turn === state.turn) next(arrived);
  };
  next(arrived);
  while (turn === state.turn) {
    if (!fresh || state.paused || video.readyState < 2 || !video.videoWidth) {
      await new Promise((done) => setTimeout(done, 4));
      continue;
    }
    fresh = false;
    const now = performance.now();
    try {
      const found = await look(video, video.videoWidth, video.videoHeight, FRAME, false);
      if (turn !== state.turn) return;
      problem("");
      draw(smoother.update(found.faces, now / 1000), found.width, found.height, await settings);
      times.push(performance.now());
      waits.push(found.passed);
      report(times, waits);
      live.dispatchEvent(new CustomEvent("frame", { detail: found.passed })); // tools/bench_live.py
    } catch (error) {
      if (turn !== state.turn) return;
      if (state.mode === "browser") {
        // never by itself to the server: that would send pictures away
        end(`${error.message} Start again to let the server look instead.`);
        return choose("server");
      }
      problem(`${error.message} Trying again.`);
      await new Promise((done) => setTimeout(done, 1000));
    }
  }
}

function next(callback) {
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(callback);
  else requestAnimationFrame(callback);
}

function report(times, waits) {
  const now = times.at(-1);
  while (times[0] < now - 2000) {
    times.shift();
    waits.shift();
  }
  const seconds = (now - times[0]) / 1000;
  const mean = waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
  part("rate").textContent = seconds > 0.5 ? Math.round((times.length - 1) / seconds) : "-";
  part("latency").textContent = Math.round(mean);
}

// ------------------------------------------------------------------------------ drawing

const LOW = 4; // pixels between a box and its bars
const NARROW = 480; // on a telephone, the bars stand under the picture
const MOST_BARS = 4; // the largest faces have bars, all have names
const nodes = new Map();

function draw(found, width, height, { emotions, colours }) {
  state.shown = [found, width, height, { emotions, colours }];
  const scale = stage.clientWidth / width;
  const mirrored = state.mirrored && state.source !== "photo";
  const room = { width: stage.clientWidth, height: height * scale };
  const numbers = new Set(found.map((face, k) => face.number ?? -1 - k));
  for (const [number, node] of nodes)
    if (!numbers.has(number)) {
      node.all.forEach((each) => each.remove());
      nodes.delete(number);
    }
  const placed = found.map((face, k) => {
    const number = face.number ?? -1 - k;
    if (!nodes.has(number)) nodes.set(number, build(emotions, colours));
    const node = nodes.get(number);
    let [x, y, w, h] = face.box.map((value) => value * scale);
    if (mirrored) x = room.width - x - w;
    const best = face.probabilities.indexOf(Math.max(...face.probabilities));
    fill(node, face.probabilities, best, emotions, colours);
    Object.assign(node.box.style, { width: `${w}px`, height: `${h}px` });
    place(node.box, x, y);
    const top = fit(y - node.name.offsetHeight, node.name.offsetHeight, room.height);
    place(node.name, fit(x, node.name.offsetWidth, room.width), top);
    return { node, box: [x, top, w, y + h - top] };
  });
  placed.sort((a, b) => b.box[2] * b.box[3] - a.box[2] * a.box[3]);
  const taken = placed.map(({ box }) => box);
  const narrow = room.width < NARROW;
  placed.forEach(({ node, box }, k) => {
    const parent = narrow ? under : faces;
    if (node.bars.parentNode !== parent) parent.append(node.bars);
    node.bars.hidden = k >= MOST_BARS;
    if (!narrow && !node.bars.hidden) taken.push(arrange(node, box, room, taken));
  });
  say(found, emotions);
}

function build(emotions, colours) {
  const make = (kind, name, inside) => {
    const node = document.createElement(kind);
    node.className = name;
    (inside ?? faces).append(node);
    return node;
  };
  const box = make("div", "face"), name = make("div", "name"), bars = make("div", "bars-over");
  const title = make("span", "title", bars);
  const rows = emotions.map((emotion) => {
    const label = make("span", "", bars), bar = make("i", "", bars);
    label.textContent = emotion;
    bar.style.background = colours[emotion];
    return { label, bar };
  });
  return { box, name, bars, title, rows, all: [box, name, bars] };
}

function fill(node, probabilities, best, emotions, colours) {
  const colour = colours[emotions[best]];
  const text = `${emotions[best]} ${Math.round(100 * probabilities[best])} %`;
  node.name.textContent = node.title.textContent = text;
  for (const each of [node.box, node.name, node.bars]) each.style.borderColor = colour;
  node.rows.forEach(({ label, bar }, k) => {
    label.className = k === best ? "top" : "";
    bar.style.transform = `scaleX(${Math.max(0.01, probabilities[k])})`;
  });
}

const place = (node, x, y) =>
  (node.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`);

const fit = (value, size, limit) => Math.min(Math.max(value, 0), Math.max(0, limit - size));

// Puts the bars where they hide least of what is taken: beside the face, if there is room. They
// stay where they were in the frame before, unless another place is clearly better.
function arrange(node, [x, y, w, h], room, taken) {
  const { offsetWidth: bw, offsetHeight: bh } = node.bars;
  const places = [
    [x + w + LOW, y], [x - bw - LOW, y], [x, y + h + LOW], [x, y - bh - LOW],
    [room.width, room.height], [0, room.height], [room.width, 0], [0, 0],
  ].map(([left, up]) => [fit(left, bw, room.width), fit(up, bh, room.height), bw, bh]);
  const hidden = places.map((each) => taken.reduce((sum, other) => sum + shared(each, other), 0));
  const least = Math.min(...hidden);
  if (!(hidden[node.place] <= least + 0.1 * bw * bh)) node.place = hidden.indexOf(least);
  place(node.bars, ...places[node.place]);
  return places[node.place];
}

let said = "", saidAt = 0;

// In words, for those who do not see the boxes: when it changes, and not too often.
function say(found, emotions) {
  const names = found.map(({ probabilities }) =>
    emotions[probabilities.indexOf(Math.max(...probabilities))]);
  const count = names.length === 1 ? "1 face" : `${names.length || "No"} faces`;
  const text = names.length ? `${count}: ${names.join(", ")}` : `${count} in the picture`;
  if (text === said || performance.now() - saidAt < 1000) return;
  [said, saidAt] = [text, performance.now()];
  part("say").textContent = text;
}

function clear() {
  nodes.forEach((node) => node.all.forEach((each) => each.remove()));
  nodes.clear();
  state.shown = [];
  said = "";
  part("say").textContent = part("rate").textContent = part("latency").textContent = "";
  part("rate").textContent = part("latency").textContent = "-";
}

// ------------------------------------------------------------------------------ sources

function problem(sentence) {
  part("problem").textContent = sentence;
  part("problem").hidden = !sentence;
}

// Ends what runs, and shows the empty stage, with a sentence if something went wrong.
function end(sentence = "") {
  state.turn++;
  state.source = null;
  video.srcObject?.getTracks().forEach((track) => track.stop());
  if (video.src) URL.revokeObjectURL(video.src);
  video.srcObject = null;
  video.removeAttribute("src");
  video.load();
  if (state.mode === "server") state.engine?.close(); // the model in the browser stays loaded
  video.hidden = photo.hidden = true;
  empty.hidden = false;
  stage.style.aspectRatio = stage.style.maxWidth = "";
  clear();
  paused(false);
  part("pause").disabled = part("stop").disabled = true;
  problem(sentence);
}

function begin(source, width, height) {
  state.source = source;
  empty.hidden = true;
  video.hidden = source === "photo";
  photo.hidden = source !== "photo";
  if (width) shape(width, height);
  mirrored(source === "camera");
  part("mirror").disabled = source === "photo";
  part("stop").disabled = false;
  part("pause").disabled = source === "photo";
}

// The stage takes the picture's shape, within the height of the window.
function shape(width, height) {
  stage.style.aspectRatio = `${width} / ${height}`;
  stage.style.maxWidth = `calc(62vh * ${width / height})`;
}

const REFUSED = {
  NotAllowedError: "The browser got no permission for the camera: allow it beside the address",
  NotFoundError: "There is no camera on this machine",
  OverconstrainedError: "There is no camera on this machine",
  NotReadableError: "The camera is in use by another program: close that",
};

async function startCamera() {
  end();
  if (!navigator.mediaDevices?.getUserMedia)
    return end("Browsers give the camera only to pages from https or localhost. "
      + "A photo or a video works here too: choose one below.");
  const turn = state.turn;
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 } },
    });
    if (turn !== state.turn) return stream.getTracks().forEach((track) => track.stop());
    stream.getVideoTracks()[0].onended = () => end("The camera was taken away.");
    video.srcObject = stream;
    begin("camera");
    await video.play();
    run();
  } catch (error) {
    if (turn !== state.turn) return;
    const why = REFUSED[error.name] ?? "The camera does not start";
    end(`${why}. Or choose a photo or a video below.`);
  }
}

function open(file) {
  end();
  if (file.type.startsWith("video/")) openVideo(file);
  else openPhoto(file);
}

async function openVideo(file) {
  const turn = state.turn;
  video.src = URL.createObjectURL(file);
  video.loop = true;
  try {
    begin("video");
    await video.play();
    run();
  } catch {
    if (turn === state.turn) end(`${file.name} is no video that this browser can play.`);
  }
}

async function openPhoto(file) {
  const turn = state.turn;
  if (file.size > MOST_BYTES) return end(`${file.name} is larger than 50 MB.`);
  const address = URL.createObjectURL(file), image = new Image();
  try {
    image.src = address;
    await new Promise((done, fail) => ([image.onload, image.onerror] = [done, fail]));
    const { naturalWidth: width, naturalHeight: height } = image;
    if (width * height > MOST_PIXELS) return end(`${file.name} has more than 40 megapixels.`);
    if (turn !== state.turn) return;
    const scale = Math.min(1, PHOTO / Math.max(width, height));
    photo.width = Math.max(1, Math.round(width * scale));
    photo.height = Math.max(1, Math.round(height * scale));
    photo.getContext("2d").drawImage(image, 0, 0, photo.width, photo.height);
  } catch {
    return end(`${file.name} is no photo that this browser can show: JPEG, PNG and WebP are.`);
  } finally {
    URL.revokeObjectURL(address);
  }
  begin("photo", photo.width, photo.height);
  await lookAtPhoto();
}

async function lookAtPhoto() {
  const turn = ++state.turn;
  part("say").textContent = "Looking at the photo ...";
  try {
    const found = await look(photo, photo.width, photo.height, PHOTO, true);
    if (turn !== state.turn) return;
    problem("");
    saidAt = 0;
    draw(found.faces, found.width, found.height, await settings);
    part("latency").textContent = Math.round(found.ms); // without the start of the model
  } catch (error) {
    if (turn === state.turn) end(error.message);
  }
}

// ------------------------------------------------------------------------------ controls

function paused(yes) {
  state.paused = yes;
  part("pause").setAttribute("aria-pressed", String(yes));
  if (state.source === "camera" || state.source === "video") yes ? video.pause() : video.play();
}

function mirrored(yes) {
  state.mirrored = yes;
  part("mirror").setAttribute("aria-pressed", String(yes));
  stage.classList.toggle("mirrored", yes);
  if (state.shown.length) draw(...state.shown);
}

part("start").onclick = startCamera;
part("pause").onclick = () => paused(!state.paused);
part("mirror").onclick = () => mirrored(!state.mirrored);
part("stop").onclick = () => {
  end();
  part("start").focus();
};
part("file").onchange = ({ target }) => {
  if (target.files.length) open(target.files[0]);
  target.value = ""; // the same file may be chosen again
};
document.querySelectorAll("input[name=mode]").forEach((input) => {
  input.onchange = () => choose(input.value);
});
stage.addEventListener("dragover", (event) => {
  event.preventDefault();
  stage.classList.add("over");
});
stage.addEventListener("dragleave", () => stage.classList.remove("over"));
stage.addEventListener("drop", (event) => {
  event.preventDefault();
  stage.classList.remove("over");
  if (event.dataTransfer.files.length) open(event.dataTransfer.files[0]);
});
video.addEventListener("loadedmetadata", () => {
  if (state.source) shape(video.videoWidth, video.videoHeight);
});
addEventListener("resize", () => state.shown.length && draw(...state.shown));
addEventListener("pagehide", () => end());
choose(possible ? "browser" : "server");
