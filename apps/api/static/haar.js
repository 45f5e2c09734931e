// Finding faces with OpenCV's Haar cascade, as src/haar.py explains it and cv2.CascadeClassifier
// does it: windows of one size on an image that shrinks from pass to pass, then groups of windows.

const BORDER = 0.2; // as detection.BORDER: faces that fill a picture need some room around them
const SIMILAR = 0.2;
const ROUNDING = 1e-5;

// A grey picture: {width, height, data: Uint8Array}.
export function grey(image) {
  const { width, height, data: rgba } = image;
  const data = new Uint8Array(width * height);
  for (let i = 0, k = 0; i < data.length; i++, k += 4)
    data[i] = (rgba[k] * 4899 + rgba[k + 1] * 9617 + rgba[k + 2] * 1868 + 8192) >> 14;
  return { width, height, data };
}

// Cut a rectangle out and give it another size: where it shrinks by averaging, as cv2.INTER_AREA,
// else smoothly. Where the rectangle reaches over the edge, the last pixels are repeated.
export function resized(image, [left, top, width, height], newWidth, newHeight) {
  const shrinks = width >= newWidth && height >= newHeight;
  const weights = shrinks ? averaging : blending;
  const across = weights(left, width, newWidth, image.width);
  const down = weights(top, height, newHeight, image.height);
  const line = new Float32Array(newWidth);
  const data = new Uint8ClampedArray(newWidth * newHeight); // rounds
  for (let j = 0; j < newHeight; j++) {
    line.fill(0);
    for (let n = down.starts[j]; n < down.starts[j + 1]; n++) {
      const row = down.places[n] * image.width, share = down.shares[n];
      for (let i = 0; i < newWidth; i++) {
        let sum = 0;
        for (let m = across.starts[i]; m < across.starts[i + 1]; m++)
          sum += across.shares[m] * image.data[row + across.places[m]];
        line[i] += share * sum;
      }
    }
    data.set(line, j * newWidth);
  }
  return { width: newWidth, height: newHeight, data };
}

// For each new pixel, the old ones that it is made of, and how much of each.
function averaging(start, length, parts, limit) {
  const step = length / parts;
  return gathered(parts, (part, add) => {
    const from = part * step, to = from + step;
    for (let k = Math.floor(from); k < to - 1e-9; k++)
      add(clamp(start + k, limit), (Math.min(k + 1, to) - Math.max(k, from)) / step);
  });
}

function blending(start, length, parts, limit) {
  return gathered(parts, (part, add) => {
    const at = ((part + 0.5) * length) / parts - 0.5, low = Math.floor(at);
    add(clamp(start + low, limit), 1 - (at - low));
    add(clamp(start + low + 1, limit), at - low);
  });
}

function gathered(parts, each) {
  const starts = new Int32Array(parts + 1), places = [], shares = [];
  for (let part = 0; part < parts; part++) {
    each(part, (place, share) => {
      places.push(place);
      shares.push(share);
    });
    starts[part + 1] = places.length;
  }
  return { starts, places: Int32Array.from(places), shares: Float32Array.from(shares) };
}

const clamp = (k, limit) => Math.min(Math.max(k, 0), limit - 1);

// A smaller image of which each pixel is blended from the four nearest: what the cascade sees.
function blended(image, newWidth, newHeight) {
  const across = blending(0, image.width, newWidth, image.width);
  const down = blending(0, image.height, newHeight, image.height);
  const data = new Uint8Array(newWidth * newHeight), old = image.data;
  for (let j = 0, k = 0; j < newHeight; j++) {
    const above = down.places[2 * j] * image.width, below = down.places[2 * j + 1] * image.width;
    const part = down.shares[2 * j + 1];
    for (let i = 0; i < newWidth; i++) {
      const left = across.places[2 * i], right = across.places[2 * i + 1];
      const share = across.shares[2 * i + 1];
      const a = old[above + left] + share * (old[above + right] - old[above + left]);
      const b = old[below + left] + share * (old[below + right] - old[below + left]);
      data[k++] = a + part * (b - a) + 0.5;
    }
  }
  return { width: newWidth, height: newHeight, data };
}

export class Cascade {
  // `description` is /live/cascade.json.
  constructor({ window, flat, stages }) {
    this.window = window;
    this.flat = flat;
    const weak = stages.flatMap((stage) => stage.weak);
    this.stageThresholds = Float64Array.from(stages, (stage) => stage.threshold - ROUNDING);
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

  // Where the corners of all rectangles lie in an integral image with so many columns.
  place(stride) {
    if (this.stride === stride) return;
    this.stride = stride;
    this.rectangles.forEach(([x, y, w, h], k) => {
      this.corners[4 * k] = y * stride + x;
      this.corners[4 * k + 1] = y * stride + x + w;
      this.corners[4 * k + 2] = (y + h) * stride + x;
      this.corners[4 * k + 3] = (y + h) * stride + x + w;
    });
  }

  // How many stages the window at a place of an integral image passes.
  passed(sums, at, contrast) {
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

  // Every window of an image, in one size, that passes all stages: calls found(x, y).
  scan(image, step, found) {
    const { width, height } = image;
    const stride = width + 1;
    this.reserve(stride * (height + 1));
    const { sums, squares, window } = this;
    integral(image, sums, squares);
    this.place(stride);
    const side = window - 2, area = side * side, stages = this.stageEnds.length;
    const c1 = stride + 1, c2 = c1 + side, c3 = c1 + side * stride, c4 = c3 + side;
    for (let y = 0; y + window <= height; y += step)
      for (let x = 0; x + window <= width; x += step) {
        const at = y * stride + x;
        const total = sums[at + c1] - sums[at + c2] - sums[at + c3] + sums[at + c4];
        const square = squares[at + c1] - squares[at + c2] - squares[at + c3] + squares[at + c4];
        const contrast = Math.sqrt(area * square - total * total);
        if (!(contrast > this.flat * area)) continue;
        const passed = this.passed(sums, at, contrast);
        if (passed === stages) found(x, y);
        else if (passed === 0) x += step; // as OpenCV: nothing at all is here, nor beside it
      }
  }

  reserve(length) {
    if (this.sums && this.sums.length >= length) return;
    this.sums = new Int32Array(length);
    this.squares = new Float64Array(length);
  }

  // The faces of a grey image as [x, y, width, height], the largest first: as
  // detection.find_faces with the same numbers.
  faces(image, { scaleFactor, minNeighbors, smallest }) {
    const edge = Math.round(BORDER * Math.min(image.width, image.height));
    return this.search(cut(image, -edge, -edge, image.width + 2 * edge, image.height + 2 * edge), {
      scaleFactor, minNeighbors, smallest, largest: Infinity,
    })
      .map(([x, y, w, h]) => inside(x - edge, y - edge, w, h, image))
      .filter(([, , w, h]) => w >= smallest && h >= smallest)
      .sort((a, b) => b[2] * b[3] - a[2] * a[3]);
  }

  // The same for a face that was at a place a moment ago: undefined if it is not there any more.
  near(image, [x, y, width, height], { scaleFactor, minNeighbors }) {
    const side = Math.max(width, height), room = Math.round(side / 2);
    const part = cut(image, x - room, y - room, width + 2 * room, height + 2 * room);
    const [found] = this.search(part, {
      scaleFactor, minNeighbors, smallest: 0.75 * side, largest: 1.4 * side,
    }).sort((a, b) => b[2] - a[2]);
    return found && inside(found[0] + x - room, found[1] + y - room, found[2], found[3], image);
  }

  search(image, { scaleFactor, minNeighbors, smallest, largest }) {
    const windows = [];
    for (let scale = 1; ; scale *= scaleFactor) {
      const side = Math.round(this.window * scale);
      if (side > Math.min(image.width, image.height, largest)) break;
      if (side < smallest) continue;
      const width = Math.round(image.width / scale), height = Math.round(image.height / scale);
      const small = scale === 1 ? image : blended(image, width, height);
      this.scan(small, scale > 2 ? 1 : 2, (x, y) =>
        windows.push([Math.round(x * scale), Math.round(y * scale), side, side]));
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

// A part of an image; where it reaches over the edge, the last pixels are repeated.
function cut(image, left, top, width, height) {
  const data = new Uint8Array(width * height);
  const before = Math.min(Math.max(-left, 0), width);
  const after = Math.max(Math.min(width, image.width - left), before);
  for (let y = 0, at = 0; y < height; y++, at += width) {
    const row = clamp(top + y, image.height) * image.width;
    data.fill(image.data[row], at, at + before);
    data.set(image.data.subarray(row + left + before, row + left + after), at + before);
    data.fill(image.data[row + image.width - 1], at + after, at + width);
  }
  return { width, height, data };
}

function inside(x, y, width, height, image) {
  const left = Math.max(x, 0), top = Math.max(y, 0);
  return [left, top, Math.min(x + width, image.width) - left, Math.min(y + height, image.height) - top];
}

// Windows that overlap become one box, as cv2.groupRectangles; lonely windows are no face.
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
    .map(({ count, sum }) => ({ count, box: sum.map((value) => Math.round(value / count)) }));
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
