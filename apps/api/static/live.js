// The live page: takes pictures from a camera, a video or a photo, lets an engine recognise the faces
// in them, and shows the result. No picture is stored: each replaces the previous one.

import { BrowserEngine, ServerEngine } from "./engines.js";
import { hint } from "./hints.js";
import { Overlay } from "./overlay.js";
import { People } from "./people.js";
import { save, snapshot, Table } from "./seen.js";
import { Smoother } from "./tracks.js";

const FRAME_SIDE = 640; // pixels of the longer side of a video's frame; larger ones are shrunk
const CANVAS_PIXELS = 16.7e6; // the largest canvas of every browser; larger photos are shrunk
const SERVER_PIXELS = 4e6; // as apps.api.picture_worker.PHOTO_PIXELS
const MAX_BYTES = 50e6, MAX_PIXELS = 40e6; // of a photo; facevalue.image_files allows more
const SETTLING = 10; // how often the frame of a paused video is recognised, until its boxes rest
const MODELS = { browser: "fast", server: document.getElementById("live").dataset.serverModel };
const EXPLANATIONS = {
  browser: `Recognised in this browser, by the model ${MODELS.browser}. No picture leaves your machine, and none is stored.`,
  server: `Recognised on the server, by the model ${MODELS.server}. Each picture is sent to the server, which recognises the faces in memory and then discards it; none is stored.`,
  missing: "The browser could do this, too, if ONNX Runtime Web were installed: run python tools/fetch_ort_web.py on the server.",
  unsupported: "This browser cannot run the model itself.",
};

const element = (id) => document.getElementById(id);
const [live, stage, video, photo, empty] = ["live", "stage", "video", "photo", "empty"].map(element);
const overlay = new Overlay({
  stage, over: element("faces"), outside: element("bars"), status: element("say"),
  spoken: element("spoken"), ribbon: empty,
});
const settings = fetch("/live/settings.json").then((response) => response.json());
const canvas = document.createElement("canvas");

const state = {
  source: null, // "sample", "camera", "video" or "photo"
  mode: null, // "browser" or "server"
  engine: null,
  paused: false,
  settling: 0, // how often the frame of a paused video must still be recognised
  choice: 0, // the number of the newest choice of a source; older ones, which still load, stop
  mirrored: true,
  run: 0, // the number of the newest run; older ones stop
  people: new People(),
  table: new Table(), // of what was seen since the source was chosen
  fileWidth: 0, // pixels of a photo's file, of which a smaller copy may be shown
  lastTime: 0, // seconds of the video; a smaller one begins another round, which adds nothing new
  hasEnded: false, // whether a video has been shown to its end
  seen: null, // what is shown: {faces, width, height}, of the picture that was recognised
};

const installed = live.dataset.browserMode === "yes";
const possible = installed && BrowserEngine.isSupported();

// Chooses the engine: "browser" or "server".
function setMode(mode) {
  state.engine?.close();
  state.engine = null;
  state.mode = mode;
  document.querySelector(`input[name=mode][value=${mode}]`).checked = true;
  const why = installed ? (possible ? "" : EXPLANATIONS.unsupported) : EXPLANATIONS.missing;
  element("happens").textContent = [EXPLANATIONS[mode], why].filter(Boolean).join(" ");
  if (isStill()) recogniseStill();
  else if (state.source) recogniseVideo();
}

const isStill = () => state.source === "photo" || state.source === "sample";

function engine() {
  state.engine ??= state.mode === "browser" ? new BrowserEngine() : new ServerEngine();
  return state.engine;
}

// Returns the faces in a picture, and the milliseconds that it took. A frame of a video is shrunk; a
// photo is not, because its faces may be small. Throws an Error with a sentence.
async function recognise(source, width, height, isPhoto) {
  const most = isPhoto && state.mode === "browser" ? Infinity : SERVER_PIXELS;
  const scale = isPhoto ? Math.sqrt(most / (width * height)) : FRAME_SIDE / Math.max(width, height);
  const picture = isPhoto && scale >= 1 ? source : drawn(canvas, source, width, height, scale);
  const start = performance.now();
  const answer = await engine().recognise(picture, isPhoto);
  const latency = performance.now() - start;
  return { ...answer, latency, width: picture.width, height: picture.height, picture };
}

// Draws a picture on a canvas, smaller if the scale is under 1; returns the canvas.
function drawn(onto, source, width, height, scale) {
  onto.width = Math.max(1, Math.floor(width * Math.min(1, scale)));
  onto.height = Math.max(1, Math.floor(height * Math.min(1, scale)));
  const context = onto.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, onto.width, onto.height);
  return onto;
}

async function show(found, { width, height, picture }) {
  const { emotions, search } = await settings;
  const faces = state.people.numbered(found, isMirrored());
  state.seen = { faces, width, height };
  overlay.draw(faces, {
    width, height, emotions, mirrored: isMirrored(),
    hint: faces.length ? "" : hint(picture, isStill(), search.dark),
  });
  element("snapshot").disabled = state.source === "sample";
  if (state.source === "sample" || state.paused) return;
  if (state.source === "video") {
    state.hasEnded ||= video.currentTime < state.lastTime - 0.2;
    state.lastTime = video.currentTime;
    if (state.hasEnded) return;
  }
  const seconds = state.source === "camera" ? (performance.now() - state.began) / 1000
    : state.source === "video" ? video.currentTime : 0;
  state.table.add(asShown(faces, width),
    { seconds, emotions, where: state.mode, model: MODELS[state.mode] });
  element("csv").disabled = !state.table.rows.length;
}

// Returns faces with boxes in pixels of the whole photo's file, or of the video as it is shown, perhaps
// mirrored. width: of the picture, perhaps smaller, in which they were found.
function asShown(faces, width) {
  const whole = state.source === "photo" ? state.fileWidth : shownSize().width, scale = whole / width;
  return faces.map((face) => {
    const [x, y, w, h] = face.box.map((value) => value * scale);
    return { ...face, box: [isMirrored() ? whole - x - w : x, y, w, h] };
  });
}

// The size of the picture itself, in pixels.
const shownSize = () => isStill() ? { width: photo.width, height: photo.height }
  : { width: video.videoWidth, height: video.videoHeight };

const isMirrored = () => state.mirrored && !isStill();

async function saveSnapshot() {
  const { emotions } = await settings, { width, height } = shownSize();
  const scale = width / state.seen.width;
  const faces = state.seen.faces.map(
    (face) => ({ ...face, box: face.box.map((value) => value * scale) }));
  const picture = isStill() ? photo : video;
  save(await snapshot(picture, width, height, faces, { emotions, mirrored: isMirrored() }), "png");
}

async function recogniseVideo() {
  const run = ++state.run;
  const smoother = new Smoother((await settings).smoothing);
  const times = [], latencies = [];
  if (!state.engine) element("say").textContent = "Starting ...";
  let isNewFrame = true;
  const onFrame = () => {
    isNewFrame = true;
    if (run === state.run) requestFrame(onFrame);
  };
  requestFrame(onFrame);
  state.settling = SETTLING;
  let hasFailed = false;
  while (run === state.run) {
    const isDue = state.paused ? state.settling > 0 : isNewFrame;
    if (!isDue || video.readyState < 2 || !video.videoWidth) {
      await sleep(4);
      continue;
    }
    isNewFrame = false;
    const now = performance.now();
    try {
      const found = await recognise(video, video.videoWidth, video.videoHeight, false);
      if (run !== state.run) return;
      if (hasFailed) showProblem("");
      hasFailed = false;
      if (state.paused) state.settling--;
      await show(smoother.update(found.faces, now / 1000), found);
      if (run !== state.run) return;
      times.push(performance.now());
      latencies.push(found.latency);
      showSpeed(times, latencies);
      live.dispatchEvent(new CustomEvent("frame", { detail: found.latency })); // tools/bench_live.py
    } catch (error) {
      if (run !== state.run) return;
      if (state.mode === "browser") {
        // the server is never used without asking, because it would get the pictures
        stop(`${error.message} Start again to use the server instead.`);
        return setMode("server");
      }
      showProblem(`${error.message} Trying again.`);
      hasFailed = true;
      await sleep(1000);
    }
  }
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function requestFrame(callback) {
  if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(callback);
  else requestAnimationFrame(callback);
}

// Shows the speed over the last two seconds.
function showSpeed(times, latencies) {
  const now = times.at(-1);
  while (times[0] < now - 2000) {
    times.shift();
    latencies.shift();
  }
  const seconds = (now - times[0]) / 1000;
  const mean = latencies.reduce((sum, each) => sum + each, 0) / latencies.length;
  element("rate").textContent = seconds > 0.5 ? Math.round((times.length - 1) / seconds) : "-";
  element("latency").textContent = Math.round(mean);
}

// Recognises the faces in the photo, or in the sample that the page shows before a camera runs.
async function recogniseStill() {
  const run = ++state.run, isSample = state.source === "sample";
  if (!isSample) element("say").textContent = "Looking at the photo ...";
  try {
    const found = await recognise(photo, photo.width, photo.height, true);
    if (run !== state.run) return;
    if (!isSample) showProblem("");
    overlay.clear();
    state.people = new People();
    await show(found.faces, found);
    element("latency").textContent = Math.round(found.ms); // without loading the model
  } catch (error) {
    if (run !== state.run || isSample) return; // a visitor who starts a camera is told it then
    overlay.clear();
    showProblem(error.message);
  }
}

// Stops everything and shows the sample, with a sentence if something went wrong.
async function showSample(sentence = "") {
  state.choice++;
  stop(sentence);
  const run = state.run;
  try {
    const image = await loadImage("/live/sample.png");
    if (run !== state.run) return;
    drawn(photo, image, image.naturalWidth, image.naturalHeight, 1);
  } catch {
    return; // the page works without the sample
  }
  begin("sample", photo.width, photo.height);
  await recogniseStill();
}

async function loadImage(address) {
  const image = new Image();
  image.src = address;
  await new Promise((resolve, reject) => ([image.onload, image.onerror] = [resolve, reject]));
  return image;
}

function showProblem(sentence) {
  const problem = element("problem"), isNew = sentence !== problem.textContent;
  problem.textContent = sentence;
  problem.hidden = !sentence;
  // it is above the picture, and a visitor who has just chosen a file looks at the buttons below
  if (sentence && isNew) problem.scrollIntoView({ block: "nearest" });
}

// Stops everything and shows the empty stage, with a sentence if something went wrong.
function stop(sentence = "") {
  state.run++;
  state.source = null;
  video.srcObject?.getTracks().forEach((track) => track.stop());
  if (video.src) URL.revokeObjectURL(video.src);
  video.srcObject = null;
  video.removeAttribute("src");
  video.load();
  if (state.mode === "server") state.engine?.close(); // the browser's model stays loaded
  video.hidden = photo.hidden = true;
  empty.hidden = false;
  stage.style.aspectRatio = stage.style.maxWidth = "";
  overlay.clear();
  state.seen = null;
  element("rate").textContent = element("latency").textContent = "-";
  setPaused(false);
  for (const id of ["pause", "mirror", "stop", "snapshot"]) element(id).disabled = true;
  showProblem(sentence);
}

function begin(source, width, height) {
  state.source = source;
  empty.hidden = source !== "sample";
  video.hidden = isStill();
  photo.hidden = !isStill();
  photo.setAttribute("aria-label", source === "sample" ? "A sample: two drawn people" : "Your photo");
  if (width) setShape(width, height);
  setMirrored(source === "camera");
  element("frames").hidden = isStill();
  element("mirror").disabled = element("pause").disabled = isStill();
  element("stop").disabled = source === "sample";
  if (source === "sample") return; // the table of what was seen before can still be saved
  state.people = new People();
  state.table = new Table();
  state.began = performance.now();
  state.lastTime = 0;
  state.hasEnded = false;
  element("csv").disabled = true;
}

// Gives the stage the shape of the picture, as large as the window's height allows (see live.css).
function setShape(width, height) {
  stage.style.aspectRatio = `${width} / ${height}`;
  stage.style.maxWidth = `calc(var(--highest) * ${width / height})`;
}

const CAMERA_ERRORS = {
  NotAllowedError: "The browser has no permission for the camera: allow it next to the address bar",
  NotFoundError: "There is no camera on this machine",
  OverconstrainedError: "There is no camera on this machine",
  NotReadableError: "The camera is in use by another program: close that program",
};

async function startCamera() {
  state.choice++;
  stop();
  if (!navigator.mediaDevices?.getUserMedia)
    return showSample("Browsers allow the camera only on pages from https or localhost: the person "
      + "who started the server can start it with --https. You can also choose a photo or a video below.");
  const run = state.run;
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: "user", width: { ideal: 640 }, height: { ideal: 480 } },
    });
    if (run !== state.run) return stream.getTracks().forEach((track) => track.stop());
    stream.getVideoTracks()[0].onended = () => showSample("The camera was disconnected.");
    video.srcObject = stream;
    begin("camera");
    await video.play();
    recogniseVideo();
  } catch (error) {
    if (run !== state.run) return;
    const why = CAMERA_ERRORS[error.name] ?? "The camera does not start";
    showSample(`${why}. You can also choose a photo or a video below.`);
  }
}

// Opens a photo or a video. One that cannot be shown leaves what was shown before.
async function openFile(file) {
  const choice = ++state.choice, address = URL.createObjectURL(file);
  const isVideo = file.type.startsWith("video/");
  try {
    if (!file.size) throw new Error(`${file.name} is an empty file.`);
    const opened = await (isVideo ? loadVideo(file, address) : loadPhoto(file, address));
    if (choice !== state.choice) return URL.revokeObjectURL(address);
    stop();
    await (isVideo ? playVideo(address) : showPhoto(opened));
    if (!isVideo) URL.revokeObjectURL(address);
  } catch (error) {
    if (choice !== state.choice) return;
    URL.revokeObjectURL(address);
    showProblem(error.message);
  }
}

// Throws an Error with a sentence if the browser cannot play a video.
async function loadVideo(file, address) {
  const trial = document.createElement("video");
  trial.preload = "auto";
  trial.muted = true;
  trial.src = address;
  try {
    await new Promise((resolve, reject) => ([trial.onloadeddata, trial.onerror] = [resolve, reject]));
    if (!trial.videoWidth) throw new Error("There is only sound.");
  } catch {
    throw new Error(`${file.name} is not a video that this browser can play: use MP4 or WebM.`);
  } finally {
    trial.removeAttribute("src");
    trial.load();
  }
}

function playVideo(address) {
  video.src = address;
  video.loop = true;
  begin("video");
  video.play().catch(() => {}); // a pause at once ends it with an error
  recogniseVideo();
}

// Returns the image. Throws an Error with a sentence if it is too large, or no photo.
async function loadPhoto(file, address) {
  if (file.size > MAX_BYTES) throw new Error(`${file.name} is larger than 50 MB: use a smaller photo.`);
  let image;
  try {
    image = await loadImage(address);
  } catch {
    throw new Error(file.type.startsWith("image/")
      ? `${file.name} is not a photo that this browser can show: use JPEG, PNG or WebP.`
      : /\.hei[cf]$/i.test(file.name) ? `${file.name} is a HEIC image: convert it to JPEG.`
      : `${file.name} is not a photo or a video.`);
  }
  if (image.naturalWidth * image.naturalHeight > MAX_PIXELS)
    throw new Error(`${file.name} has more than 40 megapixels: use a smaller photo.`);
  return image;
}

async function showPhoto(image) {
  const { naturalWidth: width, naturalHeight: height } = image;
  drawn(photo, image, width, height, Math.sqrt(CANVAS_PIXELS / (width * height)));
  state.fileWidth = width;
  begin("photo", photo.width, photo.height);
  await recogniseStill();
}

function setPaused(yes) {
  state.paused = yes;
  state.settling = SETTLING;
  element("pause").setAttribute("aria-pressed", String(yes));
  if (state.source === "camera" || state.source === "video") yes ? video.pause() : video.play();
}

function setMirrored(yes) {
  state.mirrored = yes;
  element("mirror").setAttribute("aria-pressed", String(yes));
  stage.classList.toggle("mirrored", yes);
  overlay.redraw(isMirrored());
}

element("start").onclick = startCamera;
element("pause").onclick = () => setPaused(!state.paused);
element("mirror").onclick = () => setMirrored(!state.mirrored);
element("snapshot").onclick = saveSnapshot;
element("csv").onclick = async () => save(state.table.csv((await settings).emotions), "csv");
element("stop").onclick = () => {
  showSample();
  element("start").focus();
};
element("file").onchange = ({ target }) => {
  if (target.files.length) openFile(target.files[0]);
  target.value = ""; // the same file may be chosen again
};
document.querySelectorAll("input[name=mode]").forEach((input) => {
  input.onchange = () => setMode(input.value);
});
stage.addEventListener("dragover", (event) => {
  event.preventDefault();
  stage.classList.add("over");
});
stage.addEventListener("dragleave", () => stage.classList.remove("over"));
stage.addEventListener("drop", (event) => {
  event.preventDefault();
  stage.classList.remove("over");
  if (event.dataTransfer.files.length) openFile(event.dataTransfer.files[0]);
});
video.addEventListener("loadedmetadata", () => {
  if (state.source) setShape(video.videoWidth, video.videoHeight);
});
addEventListener("resize", () => overlay.redraw(isMirrored()));
addEventListener("pagehide", () => stop());
setMode(possible ? "browser" : "server");
showSample();
