// Finds faces with OpenCV's Haar cascade, as cv2.CascadeClassifier does and as
// facevalue.collection.haar explains: it slides a window of one size over an image that shrinks
// from pass to pass, and then groups the windows that look like a face.

import { cut } from "./picture.js";
import { halfEven } from "./resize.js";

const BORDER = 0.2; // as facevalue.recognition.detection.BORDER
const SIMILAR = 0.2; // how far apart two windows of one face may be, as a share of their size
const TOLERANCE = 1e-5; // for rounding errors in the sum of a stage, as in OpenCV

// Shrinks an image to the same pixels as cv2.INTER_LINEAR_EXACT, which blends the four nearest.
function blended(image, newWidth, newHeight) {
  const across = blending(image.width, newWidth), down = blending(image.height, newHeight);
  const data = new Uint8Array(newWidth * newHeight), old = image.data;
  for (let j = 0, k = 0; j < newHeight; j++) {
    const above = down.before[j] * image.width, below = down.after[j] * image.width;
    const second = down.shares[j], first = 256 - second;
    for (let i = 0; i < newWidth; i++) {
      const left = across.before[i], right = across.after[i], share = across.shares[i];
      const top = old[above + left] * (256 - share) + old[above + right] * share;
      const bottom = old[below + left] * (256 - share) + old[below + right] * share;
      data[k++] = (top * first + bottom * second + 32768) >> 16;
    }
  }
  return { width: newWidth, height: newHeight, data };
}

// The two old pixels next to each new one, and the share of the second in 256ths.
function blending(oldLength, newLength) {
  const before = new Int32Array(newLength), after = new Int32Array(newLength);
  const shares = new Int32Array(newLength);
  for (let k = 0; k < newLength; k++) {
    const at = ((k + 0.5) * oldLength) / newLength - 0.5, low = Math.floor(at);
    before[k] = Math.max(low, 0);
    after[k] = Math.min(low + 1, oldLength - 1);
    shares[k] = halfEven(256 * (at - low));
  }
  return { before, after, shares };
}

export class Cascade {
  // `description` is /live/cascade.json.
  constructor({ window, flat, stages }) {
    this.window = window;
    this.flat = flat;
    const weak = stages.flatMap((stage) => stage.weak);
    this.stageThresholds = Float64Array.from(stages, (stage) => stage.threshold - TOLERANCE);
    this.stageEnds = new Int32Array(stages.length);
    let end = 0;
    stages.forEach((stage, k) => (this.stageEnds[k] = end += stage.weak.length));
    this.thresholds = Float64Array.from(weak, (each) => each[0]);
    this.below = Float64Array.from(weak, (each) => each[1]);
    this.above = Float64Array.from(weak, (each) => each[2]);
    this.rectangleEnds = new Int32Array(weak.length);
    const rectangles = [];
    weak.forEach((each, k) => {
      for (let at = 3; at < each.length; at += 5) rectangles.push(each.slice(at, at + 5));
      this.rectangleEnds[k] = rectangles.length;
    });
    this.rectangles = rectangles;
    this.weights = Float64Array.from(rectangles, (r) => r[4]);
    this.corners = new Int32Array(4 * rectangles.length);
    this.stride = 0;
  }

  // Computes where the corners of all rectangles are in an integral image of this stride.
  placeCorners(stride) {
    if (this.stride === stride) return;
    this.stride = stride;
    this.rectangles.forEach(([x, y, w, h], k) => {
      this.corners[4 * k] = y * stride + x;
      this.corners[4 * k + 1] = y * stride + x + w;
      this.corners[4 * k + 2] = (y + h) * stride + x;
      this.corners[4 * k + 3] = (y + h) * stride + x + w;
    });
  }

  // Returns how many stages the window at an index of an integral image passes.
  passedStages(sums, at, contrast) {
    const { corners, weights, thresholds, rectangleEnds, stageEnds, stageThresholds } = this;
    let weak = 0, rectangle = 0;
    for (let stage = 0; stage < stageEnds.length; stage++) {
      let total = 0;
      for (; weak < stageEnds[stage]; weak++) {
        let value = 0;
        for (; rectangle < rectangleEnds[weak]; rectangle++) {
          const c = 4 * rectangle;
          value += weights[rectangle] * (sums[at + corners[c]] - sums[at + corners[c + 1]]
            - sums[at + corners[c + 2]] + sums[at + corners[c + 3]]);
        }
        total += value < thresholds[weak] * contrast ? this.below[weak] : this.above[weak];
      }
      if (total < stageThresholds[stage]) return stage;
    }
    return stageEnds.length;
  }

  // Calls found(x, y) for each window of an image that passes all stages.
  scan(image, step, found) {
    const { width, height } = image;
    const stride = width + 1;
    this.reserve(stride * (height + 1));
    const { sums, squares, window } = this;
    integral(image, sums, squares);
    this.placeCorners(stride);
    const side = window - 2, area = side * side, stages = this.stageEnds.length;
    const c1 = stride + 1, c2 = c1 + side, c3 = c1 + side * stride, c4 = c3 + side;
    for (let y = 0; y + window <= height; y += step)
      for (let x = 0; x + window <= width; x += step) {
        const at = y * stride + x;
        const total = sums[at + c1] - sums[at + c2] - sums[at + c3] + sums[at + c4];
        const square = squares[at + c1] - squares[at + c2] - squares[at + c3] + squares[at + c4];
        const contrast = Math.sqrt(area * square - total * total);
        if (!(contrast > this.flat * area)) continue;
        const passed = this.passedStages(sums, at, contrast);
        if (passed === stages) found(x, y);
        else if (passed === 0) x += step; // as OpenCV: the next window is skipped, too
      }
  }

  reserve(length) {
    if (this.sums && this.sums.length >= length) return;
    this.sums = new Int32Array(length);
    this.squares = new Float64Array(length);
  }

  // Returns the faces of a grey image as [x, y, width, height], the largest first, as
  // facevalue.recognition.detection.find_faces does.
  faces(image, { scaleFactor, minNeighbors, minFace }) {
    const edge = halfEven(BORDER * Math.min(image.width, image.height));
    return this.search(cut(image, -edge, -edge, image.width + 2 * edge, image.height + 2 * edge), {
      scaleFactor, minNeighbors, minFace, maxFace: Infinity,
    })
      .map(([x, y, w, h]) => inside(x - edge, y - edge, w, h, image))
      .filter(([, , w, h]) => w >= minFace && h >= minFace)
      .sort((a, b) => b[2] * b[3] - a[2] * a[3] || a[0] - b[0] || a[1] - b[1]);
  }

  // Returns where a face is that was in a box one frame ago, or undefined if it is gone.
  near(image, [x, y, width, height], { scaleFactor, minNeighbors }) {
    const side = Math.max(width, height), room = halfEven(side / 2);
    const part = cut(image, x - room, y - room, width + 2 * room, height + 2 * room);
    const [found] = this.search(part, {
      scaleFactor, minNeighbors, minFace: 0.75 * side, maxFace: 1.4 * side,
    }).sort((a, b) => b[2] - a[2]);
    return found && inside(found[0] + x - room, found[1] + y - room, found[2], found[3], image);
  }

  search(image, { scaleFactor, minNeighbors, minFace, maxFace }) {
    const windows = [];
    for (let scale = 1; ; scale *= scaleFactor) {
      const side = halfEven(this.window * scale);
      if (side > Math.min(image.width, image.height, maxFace)) break;
      if (side < minFace) continue;
      const width = halfEven(image.width / scale), height = halfEven(image.height / scale);
      const small = scale === 1 ? image : blended(image, width, height);
      this.scan(small, scale > 2 ? 1 : 2, (x, y) =>
        windows.push([halfEven(x * scale), halfEven(y * scale), side, side]));
    }
    return grouped(windows, minNeighbors);
  }
}

function integral({ width, height, data }, sums, squares) {
  const stride = width + 1;
  sums.fill(0, 0, stride);
  squares.fill(0, 0, stride);
  for (let y = 0, k = 0; y < height; y++) {
    let line = 0, square = 0, at = (y + 1) * stride;
    sums[at] = squares[at] = 0;
    for (let x = 0; x < width; x++) {
      const value = data[k++];
      at++;
      sums[at] = sums[at - stride] + (line += value);
      squares[at] = squares[at - stride] + (square += value * value);
    }
  }
}

function inside(x, y, width, height, image) {
  const left = Math.max(x, 0), top = Math.max(y, 0);
  return [left, top, Math.min(x + width, image.width) - left, Math.min(y + height, image.height) - top];
}

// Merges windows that overlap into one box, as cv2.groupRectangles does, and drops groups of at
// most `minNeighbors` windows.
function grouped(windows, minNeighbors) {
  const parent = windows.map((_, k) => k);
  const root = (k) => {
    while (parent[k] !== k) k = parent[k] = parent[parent[k]];
    return k;
  };
  for (let i = 0; i < windows.length; i++)
    for (let j = 0; j < i; j++) if (similar(windows[i], windows[j])) parent[root(i)] = root(j);
  const groups = new Map();
  windows.forEach((box, k) => {
    const group = groups.get(root(k)) ?? { count: 0, sum: [0, 0, 0, 0] };
    group.count++;
    box.forEach((value, n) => (group.sum[n] += value));
    groups.set(root(k), group);
  });
  const kept = [...groups.values()]
    .filter((group) => group.count > minNeighbors)
    .map(({ count, sum }) => ({ count, box: sum.map((value) => halfEven(value / count)) }));
  return kept.filter((small) => !kept.some((large) => within(small, large))).map(({ box }) => box);
}

function similar(a, b) {
  const delta = SIMILAR * (Math.min(a[2], b[2]) + Math.min(a[3], b[3])) * 0.5;
  return Math.abs(a[0] - b[0]) <= delta && Math.abs(a[1] - b[1]) <= delta
    && Math.abs(a[0] + a[2] - b[0] - b[2]) <= delta && Math.abs(a[1] + a[3] - b[1] - b[3]) <= delta;
}

function within(small, large) {
  if (small === large) return false;
  const [x, y, w, h] = small.box, [X, Y, W, H] = large.box;
  const dx = Math.floor(W * SIMILAR), dy = Math.floor(H * SIMILAR);
  return x >= X - dx && y >= Y - dy && x + w <= X + W + dx && y + h <= Y + H + dy
    && (large.count > Math.max(3, small.count) || small.count < 3);
}
