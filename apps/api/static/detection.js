// Finds faces in pictures of any size and light, as facevalue.recognition.detection does.

import { sharedArea } from "./boxes.js";
import { halvedPlanes, planes } from "./picture.js";
import { halfEven, resize, resizeLinear } from "./resize.js";
import { decode } from "./yunet.js";

export class Detector {
  // network: takes a Float32Array, its width and height, and returns YuNet's twelve output arrays;
  // settings: "search" of /live/settings.json.
  constructor(network, settings) {
    this.network = network;
    this.settings = settings;
  }

  // Returns [{box, score, landmarks}], the largest face first, in pixels of a picture, {width, height,
  // data} with RGBA. A photo is looked at in several sizes, a frame of a video in one.
  async faces(image, isPhoto) {
    const { frameSide, leastScore, minFace } = this.settings;
    const found = isPhoto ? await this.severalLooks(image)
      : await this.look(this.brightened(shrunkPlanes(image, frameSide)), image);
    return this.withoutDoubles(found.filter(({ score }) => score >= leastScore))
      .filter(({ box }) => box[3] >= minFace)
      .sort((a, b) => b.box[2] * b.box[3] - a.box[2] * a.box[3]);
  }

  async severalLooks(image) {
    const { side, largeSide, leastScore } = this.settings;
    const isSure = ({ score }) => score >= leastScore;
    const large = shrunkPlanes(image, largeSide), picture = shrunk(large, side);
    const found = await this.look(this.brightened(picture), image);
    if (!found.length || !found.every(isSure)) {
      const half = shrunk(picture, Math.max(1, Math.floor(longest(picture[0]) / 2)));
      found.push(...(await this.look(this.brightened(half, picture), image)));
    }
    if (longest(image) > largeSide || (longest(image) > side && !found.some(isSure)))
      found.push(...(await this.look(this.brightened(large, picture), image)));
    return found;
  }

  // Stretches the levels of a dark picture, so that the brightest become white. The levels are
  // taken from `sample`: the same picture, perhaps smaller.
  brightened(planes, sample = planes) {
    const [low, high] = percentiles(sample, [0.01, 0.99]);
    if (high >= this.settings.dark || high - low < 2) return planes;
    const levels = Uint8Array.from({ length: 256 }, (_, level) =>
      halfEven(Math.min(Math.max((level - low) * (255 / (high - low)), 0), 255)));
    return planes.map(({ width, height, data }) => (
      { width, height, data: data.map((level) => levels[level]) }));
  }

  // Returns the plausible faces that YuNet sees in a picture, including those it is not sure of, in
  // pixels of the whole picture, from which this one was shrunk.
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

  // Leaves out each face that is the same as a better one, seen at another size.
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

// Returns how much of the smaller box lies in the other, 0 to 1.
const sharedPart = (a, b) => sharedArea(a, b) / Math.min(a[2] * a[3], b[2] * b[3]);

// Returns the planes of RGBA, shrunk until the longest side is at most `side`.
function shrunkPlanes(image, side) {
  const isEven = image.width % 2 === 0 && image.height % 2 === 0;
  return shrunk(isEven && longest(image) >= 2 * side ? halvedPlanes(image) : planes(image), side);
}

// Returns planes whose longest side is at most `side`. They are halved, each pixel the mean of four,
// as long as they are more than twice too large; then linear interpolation leaves out no pixel.
function shrunk(planes, side) {
  let smaller = planes;
  while (longest(smaller[0]) >= 2 * side) smaller = scaled(smaller, 1 / 2, resize);
  const scale = side / longest(smaller[0]);
  return scale < 1 ? scaled(smaller, scale, resizeLinear) : smaller;
}

function scaled(planes, scale, method) {
  const [width, height] = [planes[0].width, planes[0].height].map(
    (length) => Math.max(1, halfEven(length * scale)));
  return planes.map((plane) => method(plane, width, height));
}

// Returns, for each share, the lowest level that this share of the pixels does not exceed. Every
// fourth pixel of every fourth row is counted.
function percentiles(planes, shares) {
  const counts = new Uint32Array(256);
  let total = 0;
  for (const { width, height, data } of planes)
    for (let y = 0; y < height; y += 4)
      for (let x = 0; x < width; x += 4, total++) counts[data[y * width + x]]++;
  return shares.map((share) => {
    let level = 0;
    for (let seen = counts[0]; seen < share * total; seen += counts[level]) level++;
    return level;
  });
}
