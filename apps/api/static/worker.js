// The worker of the browser engine: finds the faces and names their emotions, in a thread of its
// own. No picture leaves the browser.

import * as ort from "./vendor/ort.wasm.min.mjs";
import { crop } from "./crop.js";
import { Detector } from "./detection.js";
import { Frames } from "./frames.js";

const MAX_THREADS = 4; // more are not faster with networks as small as these

let settings, detector, session;

async function load() {
  ort.env.wasm.wasmPaths = "/live/static/vendor/";
  // without the server's isolating headers, as behind some proxies, there is one thread
  ort.env.wasm.numThreads = crossOriginIsolated ? Math.min(MAX_THREADS, navigator.hardwareConcurrency) : 1;
  ort.env.logLevel = "error";
  let yunet;
  [settings, yunet, session] = await Promise.all([
    fetched("/live/settings.json").then((response) => response.json()),
    loadNetwork("/live/yunet.onnx"),
    loadNetwork("/live/fast.onnx"),
  ]);
  detector = new Detector(async (input, width, height) => {
    const outputs = await run(yunet, input, [1, 3, height, width]);
    return yunet.outputNames.map((name) => outputs[name]);
  }, settings.search);
  // the first run of a network is slow: it happens before the first picture
  const { side } = settings.search, { size } = settings.face;
  await detector.faces({ width: side, height: side, data: new Uint8Array(4 * side ** 2) });
  await probabilities([new Uint8Array(size ** 2)]);
}

async function fetched(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} could not be loaded`);
  return response;
}

async function loadNetwork(address) {
  const model = await (await fetched(address)).arrayBuffer();
  const options = { executionProviders: ["wasm"], logSeverityLevel: 3 };
  return ort.InferenceSession.create(model, options);
}

// Runs a network that has one input; returns an array for each of its outputs, by name.
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

// Returns [{box, probabilities}] of a photo as facevalue.recognition's Recogniser.photo does; for the
// frames of a video see frames.js.
async function recognise(image, isPhoto) {
  if (!isPhoto) {
    const faces = await frames.recognise(image, performance.now());
    return faces.map(({ box, probabilities }) => ({ box, probabilities }));
  }
  const faces = await detector.faces(image, true);
  const rows = await emotions(image, faces);
  return faces.map(({ box }, k) => ({ box, probabilities: rows[k] }));
}

// Returns the probabilities of each face in a picture.
async function emotions(image, faces) {
  if (!faces.length) return [];
  return probabilities(faces.map((face) => crop(image, face, settings.face)));
}

const frames = new Frames(
  async (image) => (await detector.faces(image, false)).slice(0, settings.maxFaces), emotions);

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
