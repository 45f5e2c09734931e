// Resizes grey images to the same pixels as cv2.resize, with cv2.INTER_AREA where an image shrinks and
// cv2.INTER_CUBIC where it grows. So the network sees the same face in the browser as in Python, up
// to one grey level: OpenCV itself rounds differently on different processors.
// An image is {width, height, data}, with one byte per pixel.

const NEGLIGIBLE = 1e-3; // OpenCV leaves out pixels that an average covers by less than this

export function resize(image, width, height) {
  if (width === image.width && height === image.height) return image;
  if (width > image.width || height > image.height)
    return combine(image, cubic(image.width, width), cubic(image.height, height), halfEven);
  const across = image.width / width, down = image.height / height;
  if (!Number.isInteger(across) || !Number.isInteger(down))
    return combine(image, average(image.width, width), average(image.height, height), halfEven);
  const share = fround(1 / (across * down));
  const mean = across === 2 && down === 2 // the one case in which OpenCV rounds halves up
    ? (sum) => Math.floor(sum / 4 + 0.5)
    : (sum) => halfEven(fround(sum * share));
  return combine(image, total(across, width), total(down, height), mean);
}

// Resizes as cv2.resize with cv2.INTER_LINEAR, to the same pixels: it blends the four nearest ones with
// weights in 2048ths. No pixel is left out unless the image shrinks to less than half its size.
export function resizeLinear({ width: oldWidth, height: oldHeight, data: old }, width, height) {
  const across = linear(oldWidth, width), down = linear(oldHeight, height);
  const data = new Uint8ClampedArray(width * height);
  for (let j = 0, k = 0; j < height; j++) {
    const low = down.weights[j];
    const above = down.first[j] * oldWidth, below = down.second[j] * oldWidth;
    for (let i = 0; i < width; i++) {
      const left = across.first[i], next = across.second[i], right = across.weights[i];
      const top = (old[above + left] * (2048 - right) + old[above + next] * right) >> 4;
      const bottom = (old[below + left] * (2048 - right) + old[below + next] * right) >> 4;
      data[k++] = (((top * (2048 - low)) >> 16) + ((bottom * low) >> 16) + 2) >> 2;
    }
  }
  return { width, height, data };
}

// Rounds as Python and OpenCV do: a half goes to the even neighbour.
export function halfEven(value) {
  const low = Math.floor(value), rest = value - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}

const { fround } = Math; // OpenCV computes in single precision, which decides some roundings

// Makes each new pixel a weighted sum of old ones, along the rows and then along the columns.
function combine(image, across, down, round) {
  const width = across.starts.length - 1, height = down.starts.length - 1;
  const data = new Uint8ClampedArray(width * height), line = new Float32Array(width);
  for (let j = 0; j < height; j++) {
    line.fill(0);
    for (let n = down.starts[j]; n < down.starts[j + 1]; n++) {
      const row = down.pixels[n] * image.width, weight = down.weights[n];
      for (let i = 0; i < width; i++) {
        let sum = 0;
        for (let m = across.starts[i]; m < across.starts[i + 1]; m++)
          sum = fround(sum + fround(across.weights[m] * image.data[row + across.pixels[m]]));
        line[i] += fround(weight * sum);
      }
    }
    for (let i = 0, k = j * width; i < width; i++) data[k++] = round(line[i]);
  }
  return { width, height, data };
}

// Adds up the old pixels that a new pixel covers, where they are a whole number.
function total(step, newLength) {
  return listed(newLength, (k, add) => {
    for (let pixel = k * step; pixel < (k + 1) * step; pixel++) add(pixel, 1);
  });
}

// Weights by the share of each old pixel in the stretch that a new pixel covers.
function average(oldLength, newLength) {
  const step = oldLength / newLength;
  return listed(newLength, (k, add) => {
    const from = k * step, to = from + step, covered = Math.min(step, oldLength - from);
    const last = Math.min(Math.floor(to), oldLength - 1);
    const first = Math.min(Math.ceil(from), last);
    if (first - from > NEGLIGIBLE) add(first - 1, (first - from) / covered);
    for (let pixel = first; pixel < last; pixel++) add(pixel, 1 / covered);
    if (to - last > NEGLIGIBLE) add(last, Math.min(to - last, 1, covered) / covered);
  });
}

// The two nearest old pixels of each new one, and the weight of the second in 2048ths; at the edge, the
// last pixel is repeated.
function linear(oldLength, newLength) {
  const [first, second, weights] = [0, 0, 0].map(() => new Int32Array(newLength));
  const scale = oldLength / newLength;
  for (let k = 0; k < newLength; k++) {
    const at = fround((k + 0.5) * scale - 0.5), left = Math.floor(at);
    first[k] = Math.min(Math.max(left, 0), oldLength - 1);
    second[k] = Math.min(first[k] + 1, oldLength - 1);
    weights[k] = left === first[k] && left < oldLength - 1 ? halfEven(2048 * fround(at - left)) : 0;
  }
  return { first, second, weights };
}

// Weights of the four nearest old pixels by Keys' cubic kernel; at the edge, the last is repeated.
function cubic(oldLength, newLength) {
  const a = -0.75;
  const near = (d) => ((a + 2) * d - (a + 3)) * d * d + 1;
  const far = (d) => ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return listed(newLength, (k, add) => {
    const at = ((k + 0.5) * oldLength) / newLength - 0.5, left = Math.floor(at), t = at - left;
    [far(1 + t), near(t), near(1 - t), far(2 - t)].forEach((weight, n) =>
      add(Math.min(Math.max(left - 1 + n, 0), oldLength - 1), weight));
  });
}

// Lists the old pixels of each new one: those of new pixel k are at starts[k] up to starts[k + 1].
function listed(newLength, each) {
  const starts = new Int32Array(newLength + 1), pixels = [], weights = [];
  for (let k = 0; k < newLength; k++) {
    each(k, (pixel, weight) => {
      pixels.push(pixel);
      weights.push(weight);
    });
    starts[k + 1] = pixels.length;
  }
  return { starts, pixels: Int32Array.from(pixels), weights: Float32Array.from(weights) };
}
