// The browser's own engine: finds the faces and runs the network, beside the page's own thread.
// No picture leaves this file.

import * as ort from "./vendor/ort.wasm.min.mjs";
import { Cascade } from "./haar.js";
import { cut, grey } from "./picture.js";
import { halfEven, resize } from "./resize.js";

const PHOTO = { scaleFactor: 1.1, minNeighbors: 5, smallest: 40 }; // as detection.find_faces
let settings, cascade, session;
let last = []; // where the faces were in the frame before, in the shrunk picture
let frames = 0;

async function json(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address} did not come`);
  return answer.json();
}

async function load() {
  ort.env.wasm.wasmPaths = "/live/static/vendor/";
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  let description, model;
  [settings, description, model] = await Promise.all([
    json("/live/settings.json"),
    json("/live/cascade.json"),
    fetch("/live/fast.onnx").then((answer) => {
      if (!answer.ok) throw new Error("the model did not come");
      return answer.arrayBuffer();
    }),
  ]);
  cascade = new Cascade(description);
  session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  await recognise([new Uint8Array(settings.face.size ** 2)]); // the first run is slow
}

async function look(image, careful) {
  const picture = grey(image);
  const { longest, mostFaces } = settings.quick;
  const scale = careful ? 1 : Math.min(1, longest / Math.max(image.width, image.height));
  const width = Math.max(1, halfEven(image.width * scale));
  const height = Math.max(1, halfEven(image.height * scale));
  const small = resize(picture, width, height);
  const found = careful ? cascade.faces(small, PHOTO) : follow(small);
  const boxes = found.slice(0, mostFaces)
    .map((box) => box.map((value) => halfEven(value / scale)));
  if (!boxes.length) return [];
  const rows = await recognise(boxes.map((box) => crop(picture, box)));
  return boxes.map((box, k) => ({ box, probabilities: rows[k] }));
}

// Faces move little from frame to frame: to search near them takes a fifth of the time.
function follow(small) {
  const { smallest, again } = settings.quick;
  const near = frames++ % again && last.map((box) => cascade.near(small, box, settings.quick));
  const steady = near && near.length && near.every((box) => box && box[2] >= smallest);
  return (last = steady ? near : cascade.faces(small, settings.quick));
}

// Cuts a square around a box, as facevalue.recognition.cropping.crop does.
function crop(picture, [x, y, width, height]) {
  const { size, margin } = settings.face;
  const side = halfEven(Math.max(width, height) * (1 + 2 * margin));
  const left = x + Math.floor((width - side) / 2), top = y + Math.floor((height - side) / 2);
  return resize(cut(picture, left, top, side, side), size, size).data;
}

async function recognise(faces) {
  const { size } = settings.face, length = size * size;
  const input = new Float32Array(faces.length * length);
  faces.forEach((face, k) => face.forEach((value, i) => (input[k * length + i] = value / 255)));
  const tensor = new ort.Tensor("float32", input, [faces.length, size, size, 1]);
  const answers = await session.run({ [session.inputNames[0]]: tensor });
  const answer = answers[session.outputNames[0]];
  const rows = faces.map((_, k) => Array.from(answer.data.slice(7 * k, 7 * k + 7)));
  tensor.dispose();
  answer.dispose();
  return rows;
}

const loading = load();
loading.then(
  () => postMessage({ ready: true }),
  (error) => postMessage({ failed: String(error.message ?? error) }),
);

addEventListener("message", async ({ data: { id, image, careful } }) => {
  try {
    await loading;
    const start = performance.now();
    const faces = await look(image, careful);
    postMessage({ id, faces, ms: performance.now() - start });
  } catch (error) {
    postMessage({ id, error: `The browser could not look at the picture (${error.message ?? error}).` });
  }
});
