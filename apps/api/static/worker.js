// The worker of the browser engine: finds the faces and runs the network, in a thread of its own.
// No picture leaves the browser.

import * as ort from "./vendor/ort.wasm.min.mjs";
import { Cascade } from "./haar.js";
import { cut, grey } from "./picture.js";
import { halfEven, resize } from "./resize.js";

// the defaults of facevalue.recognition.detection.find_faces
const PHOTO = { scaleFactor: 1.1, minNeighbors: 5, minFace: 40 };
let settings, cascade, session;
let lastBoxes = []; // of the previous frame, in the shrunk picture
let frames = 0;

async function json(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} could not be loaded`);
  return response.json();
}

async function load() {
  ort.env.wasm.wasmPaths = "/live/static/vendor/";
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  let description, model;
  [settings, description, model] = await Promise.all([
    json("/live/settings.json"),
    json("/live/cascade.json"),
    fetch("/live/fast.onnx").then((response) => {
      if (!response.ok) throw new Error("/live/fast.onnx could not be loaded");
      return response.arrayBuffer();
    }),
  ]);
  cascade = new Cascade(description);
  session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  await probabilities([new Uint8Array(settings.face.size ** 2)]); // the first run is slow
}

// As facevalue.recognition: Recogniser.photo for photos, and tracking.FrameRecogniser for frames.
async function recognise(image, isPhoto) {
  const picture = grey(image);
  const { search, maxFaces } = settings;
  const scale = isPhoto ? 1 : Math.min(1, search.side / Math.max(image.width, image.height));
  const width = Math.max(1, halfEven(image.width * scale));
  const height = Math.max(1, halfEven(image.height * scale));
  const small = resize(picture, width, height);
  const found = isPhoto ? cascade.faces(small, PHOTO) : follow(small);
  const boxes = found.slice(0, maxFaces).map((box) => box.map((value) => halfEven(value / scale)));
  if (!boxes.length) return [];
  const rows = await probabilities(boxes.map((box) => crop(picture, box)));
  return boxes.map((box, k) => ({ box, probabilities: rows[k] }));
}

// Faces move little from frame to frame: a search near them takes a fifth of the time.
function follow(small) {
  const { minFace, fullSearchEvery } = settings.search;
  const near = frames++ % fullSearchEvery
    && lastBoxes.map((box) => cascade.near(small, box, settings.search));
  const allFound = near && near.length && near.every((box) => box && box[2] >= minFace);
  return (lastBoxes = allFound ? near : cascade.faces(small, settings.search));
}

// Cuts out a square around a box, as facevalue.recognition.cropping.crop does.
function crop(picture, [x, y, width, height]) {
  const { size, margin } = settings.face;
  const side = halfEven(Math.max(width, height) * (1 + 2 * margin));
  const left = x + Math.floor((width - side) / 2), top = y + Math.floor((height - side) / 2);
  return resize(cut(picture, left, top, side, side), size, size).data;
}

async function probabilities(faces) {
  const { size } = settings.face, length = size * size;
  const input = new Float32Array(faces.length * length);
  faces.forEach((face, k) => face.forEach((value, i) => (input[k * length + i] = value / 255)));
  const tensor = new ort.Tensor("float32", input, [faces.length, size, size, 1]);
  const outputs = await session.run({ [session.inputNames[0]]: tensor });
  const output = outputs[session.outputNames[0]];
  const rows = faces.map((_, k) => Array.from(output.data.slice(7 * k, 7 * k + 7)));
  tensor.dispose();
  output.dispose();
  return rows;
}

const loading = load();
loading.then(
  () => postMessage({ ready: true }),
  (error) => postMessage({ failed: String(error.message ?? error) }),
);

addEventListener("message", async ({ data: { id, image, isPhoto } }) => {
  try {
    await loading;
    const start = performance.now();
    const faces = await recognise(image, isPhoto);
    postMessage({ id, faces, ms: performance.now() - start });
  } catch (error) {
    postMessage({ id, error: `The browser could not process the picture: ${error.message ?? error}.` });
  }
});
