// The worker of the browser engine: finds the faces and names their emotions, in a thread of its
// own. No picture leaves the browser.

import * as ort from "./vendor/ort.wasm.min.mjs";
import { crop } from "./crop.js";
import { Detector } from "./detection.js";
import { planes } from "./picture.js";

let settings, detector, session;

async function load() {
  ort.env.wasm.wasmPaths = "/live/static/vendor/";
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  let yunet;
  [settings, yunet, session] = await Promise.all([
    fetched("/live/settings.json").then((response) => response.json()),
    network("/live/yunet.onnx"),
    network("/live/fast.onnx"),
  ]);
  detector = new Detector(async (input, width, height) => {
    const outputs = await run(yunet, input, [1, 3, height, width]);
    return yunet.outputNames.map((name) => outputs[name]);
  }, settings.search);
  // the first runs are slow
  const { side } = settings.search, { size } = settings.face;
  await detector.faces(planes({ width: side, height: side, data: new Uint8Array(4 * side ** 2) }));
  await probabilities([new Uint8Array(size ** 2)]);
}

async function fetched(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} could not be loaded`);
  return response;
}

async function network(address) {
  const model = await (await fetched(address)).arrayBuffer();
  const options = { executionProviders: ["wasm"], logSeverityLevel: 3 };
  return ort.InferenceSession.create(model, options);
}

// Returns what a network of one input answers: an array for each of its outputs, by name.
async function run(network, input, shape) {
  const tensor = new ort.Tensor("float32", input, shape);
  const outputs = await network.run({ [network.inputNames[0]]: tensor });
  const arrays = {};
  for (const [name, output] of Object.entries(outputs)) {
    arrays[name] = output.data.slice();
    output.dispose();
  }
  tensor.dispose();
  return arrays;
}

// As facevalue.recognition: Recogniser.photo for photos, and tracking.recognise_frame for frames.
async function recognise(image, isPhoto) {
  const picture = planes(image);
  const all = await detector.faces(picture, isPhoto);
  const faces = isPhoto ? all : all.slice(0, settings.maxFaces);
  if (!faces.length) return [];
  const rows = await probabilities(faces.map((face) => crop(picture, face, settings.face)));
  return faces.map(({ box }, k) => ({ box, probabilities: rows[k] }));
}

async function probabilities(crops) {
  const { size } = settings.face, length = size * size;
  const input = new Float32Array(crops.length * length);
  crops.forEach((each, k) => each.forEach((value, i) => (input[k * length + i] = value / 255)));
  const { [session.outputNames[0]]: rows } = await run(session, input, [crops.length, size, size, 1]);
  return crops.map((_, k) => Array.from(rows.subarray(7 * k, 7 * k + 7)));
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
