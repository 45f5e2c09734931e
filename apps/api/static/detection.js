// Finds faces in pictures of any size and light, as facevalue.recognition.detection does.

import { sharedArea } from "./boxes.js";
import { halfEven, resize } from "./resize.js";
import { decode } from "./yunet.js";

export class Detector {
  // network: takes a Float32Array, its width and height, and returns the twelve arrays that YuNet
  // answers; settings: "search" of /live/settings.json.
  constructor(network, settings) {
    this.network = network;
    this.settings = settings;
  }

  // Returns [{box, score, landmarks}], the largest face first, in pixels of a picture that is given
  // by its red, green and blue planes. A photo is looked at in several sizes, a frame in one.
  async faces(planes, isPhoto) {
    const { frameSide, leastScore, minFace } = this.settings;
    const found = isPhoto ? await this.severalLooks(planes)
      : await this.look(this.brightened(shrunk(planes, frameSide)), planes[0]);
    return this.withoutDoubles(found.filter(({ score }) => score >= leastScore))
      .filter(({ box }) => box[3] >= minFace)
      .sort((a, b) => b.box[2] * b.box[3] - a.box[2] * a.box[3]);
  }

  async severalLooks(planes) {
    const { side, largeSide, leastScore } = this.settings, [whole] = planes;
    const isSure = ({ score }) => score >= leastScore;
    const large = shrunk(planes, largeSide), picture = shrunk(large, side);
    const found = await this.look(this.brightened(picture), whole);
    if (!found.length || !found.every(isSure)) {
      const half = shrunk(picture, Math.floor(longest(picture[0]) / 2));
      found.push(...(await this.look(this.brightened(half, picture), whole)));
    }
    if (longest(whole) > largeSide || (longest(whole) > side && !found.some(isSure)))
      found.push(...(await this.look(this.brightened(large, picture), whole)));
    return found;
  }

  // Stretches the levels of a dark picture, so that the brightest become white. The levels are
  // taken from `sample`: the same picture, perhaps smaller.
  brightened(planes, sample = planes) {
    const [low, high] = percentiles(sample, [1, 99]);
    if (high >= this.settings.dark || high - low < 2) return planes;
    const levels = Uint8Array.from({ length: 256 }, (_, level) =>
      halfEven(Math.min(Math.max((level - low) * (255 / (high - low)), 0), 255)));
    return planes.map(({ width, height, data }) => (
      { width, height, data: data.map((level) => levels[level]) }));
  }

  // Returns the plausible faces that YuNet sees in a picture, also those it is not sure of, in
  // pixels of the whole picture, from which it was shrunk.
  async look(planes, whole) {
    const [{ width, height }] = planes;
    const fullWidth = 32 * Math.ceil(width / 32), fullHeight = 32 * Math.ceil(height / 32);
    const input = new Float32Array(3 * fullWidth * fullHeight);
    [...planes].reverse().forEach(({ data }, k) => { // the network takes blue first
      for (let row = 0; row < height; row++)
        input.set(data.subarray(row * width, (row + 1) * width), (k * fullHeight + row) * fullWidth);
    });
    const rows = decode(await this.network(input, fullWidth, fullHeight), fullWidth, this.settings);
    const scale = [whole.width / width, whole.height / height];
    return rows.flatMap((row) => this.inWhole(row, scale, [whole.width, whole.height]));
  }

  // Returns a list of one face, or none if it is not plausible.
  inWhole({ box, score, landmarks }, scale, size) {
    const { leastInside, leastSpread } = this.settings;
    const extent = [box[2] * scale[0], box[3] * scale[1]];
    const low = [0, 1].map((k) => onAxis(box[k] * scale[k], size[k]));
    const high = [0, 1].map((k) => onAxis(box[k] * scale[k] + extent[k], size[k]));
    const inside = [low[0], low[1], high[0] - low[0], high[1] - low[1]];
    const points = landmarks.map((value, k) => value * scale[k % 2]);
    const spread = Math.hypot(
      (points[6] + points[8] - points[0] - points[2]) / 2,
      (points[7] + points[9] - points[1] - points[3]) / 2);
    const isPlausible = inside[2] * inside[3] >= leastInside * extent[0] * extent[1]
      && spread >= leastSpread * extent[1];
    return isPlausible ? [{ box: inside, score, landmarks: points }] : [];
  }

  // Leaves out the faces that are another one, seen at another size.
  withoutDoubles(faces) {
    const kept = [];
    for (const face of [...faces].sort((a, b) => b.score - a.score))
      if (kept.every((other) => sharedPart(face.box, other.box) <= this.settings.sameFace))
        kept.push(face);
    return kept;
  }
}

const longest = ({ width, height }) => Math.max(width, height);

const onAxis = (value, length) => Math.min(Math.max(halfEven(value), 0), length);

// How much of the smaller box lies in the other.
const sharedPart = (a, b) => sharedArea(a, b) / Math.min(a[2] * a[3], b[2] * b[3]);

// Returns planes whose longest side is at most `side`.
function shrunk(planes, side) {
  const [{ width, height }] = planes, scale = side / Math.max(width, height);
  if (scale >= 1) return planes;
  const newWidth = Math.max(1, halfEven(width * scale));
  const newHeight = Math.max(1, halfEven(height * scale));
  return planes.map((plane) => resize(plane, newWidth, newHeight));
}

// Returns percentiles of the levels of every fourth pixel of every fourth row, as numpy.percentile.
function percentiles(planes, percents) {
  const counts = new Uint32Array(256);
  let total = 0;
  for (const { width, height, data } of planes)
    for (let y = 0; y < height; y += 4)
      for (let x = 0; x < width; x += 4, total++) counts[data[y * width + x]]++;
  const ordered = (rank) => {
    let level = 0;
    for (let seen = counts[0]; seen <= rank; seen += counts[level]) level++;
    return level;
  };
  return percents.map((percent) => {
    const rank = (percent / 100) * (total - 1), low = ordered(Math.floor(rank));
    return low + (ordered(Math.ceil(rank)) - low) * (rank - Math.floor(rank));
  });
}
