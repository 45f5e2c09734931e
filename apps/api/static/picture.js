// Grey pictures, and the colour planes of others, converted and cut with the same result as OpenCV.
// A picture or plane is {width, height, data}, with one byte per pixel.

import { halfEven } from "./resize.js";

// Returns the red, the green and the blue plane of RGBA, as a canvas gives it.
export function planes({ width, height, data: rgba }) {
  const length = width * height;
  const pixels = new Uint32Array(rgba.buffer, rgba.byteOffset, length); // red is the lowest byte
  const red = new Uint8Array(length), green = new Uint8Array(length), blue = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const pixel = pixels[i];
    red[i] = pixel;
    green[i] = pixel >> 8;
    blue[i] = pixel >> 16;
  }
  return [red, green, blue].map((data) => ({ width, height, data }));
}

// Returns the planes of RGBA with an even width and height at half its size, each pixel the mean of
// four, rounded as cv2.resize does with cv2.INTER_AREA. It is fast: each frame of a video is halved.
export function halvedPlanes({ width: oldWidth, height: oldHeight, data: rgba }) {
  const old = new Uint32Array(rgba.buffer, rgba.byteOffset, oldWidth * oldHeight);
  const width = oldWidth / 2, height = oldHeight / 2, length = width * height;
  const red = new Uint8Array(length), green = new Uint8Array(length), blue = new Uint8Array(length);
  const mask = 0xff00ff; // of red and blue; the sum of four levels has ten bits
  for (let j = 0, k = 0; j < height; j++)
    for (let i = 0, at = 2 * j * oldWidth; i < width; i++, k++, at += 2) {
      const a = old[at], b = old[at + 1], c = old[at + oldWidth], d = old[at + oldWidth + 1];
      const outer = (a & mask) + (b & mask) + (c & mask) + (d & mask) + 0x20002;
      red[k] = (outer & 0xffff) >> 2;
      blue[k] = outer >>> 18;
      green[k] = (((a >> 8) & 255) + ((b >> 8) & 255) + ((c >> 8) & 255) + ((d >> 8) & 255) + 2) >> 2;
    }
  return [red, green, blue].map((data) => ({ width, height, data }));
}

// Returns the planes of a rectangle of RGBA; where it reaches beyond the edge, see cut.
export function cutPlanes(image, left, top, width, height) {
  const { data, ...size } = image;
  const pixels = new Uint32Array(data.buffer, data.byteOffset, size.width * size.height);
  const { data: inside } = cut({ ...size, data: pixels }, left, top, width, height);
  return planes({ width, height, data: new Uint8Array(inside.buffer) });
}

// Returns the grey levels of three planes, as cv2.cvtColor does with COLOR_RGB2GRAY.
export function grey([red, green, blue]) {
  const { width, height } = red, r = red.data, g = green.data, b = blue.data;
  const data = new Uint8Array(width * height);
  for (let i = 0; i < data.length; i++)
    data[i] = (r[i] * 9798 + g[i] * 19235 + b[i] * 3735 + 16384) >> 15;
  return { width, height, data };
}

// Cuts a rectangle out; where it reaches beyond the edge, the pixels at the edge are repeated.
export function cut(image, left, top, width, height) {
  const data = new image.data.constructor(width * height);
  const before = Math.min(Math.max(-left, 0), width);
  const after = Math.max(Math.min(width, image.width - left), before);
  for (let y = 0, at = 0; y < height; y++, at += width) {
    const row = Math.min(Math.max(top + y, 0), image.height - 1) * image.width;
    data.fill(image.data[row], at, at + before);
    data.set(image.data.subarray(row + left + before, row + left + after), at + before);
    data.fill(image.data[row + image.width - 1], at + after, at + width);
  }
  return { width, height, data };
}

// Cuts out a square around a point, turned clockwise by an angle. The result has the same pixels as
// that of cv2.warpAffine with INTER_LINEAR and BORDER_REPLICATE, which blends the four nearest pixels
// with weights in 32nds.
export function turned(image, [x, y], side, degrees) {
  const { width, height, data: old } = image;
  const angle = (degrees * Math.PI) / 180, cos = Math.cos(angle), sin = Math.sin(angle);
  const half = (side - 1) / 2;
  const firstX = x - 0.5 - cos * half + sin * half, firstY = y - 0.5 - sin * half - cos * half;
  const across = new Int32Array(side), down = new Int32Array(side); // in 1024ths of a pixel
  for (let i = 0; i < side; i++) {
    across[i] = halfEven(1024 * cos * i);
    down[i] = halfEven(1024 * sin * i);
  }
  const data = new Uint8Array(side * side);
  const inside = (value, length) => (value < 0 ? 0 : value < length ? value : length - 1);
  for (let j = 0, k = 0; j < side; j++) {
    const startX = halfEven(1024 * (firstX - sin * j)) + 16;
    const startY = halfEven(1024 * (firstY + cos * j)) + 16;
    for (let i = 0; i < side; i++) {
      const atX = (startX + across[i]) >> 5, atY = (startY + down[i]) >> 5;
      const right = atX & 31, low = atY & 31;
      const left = inside(atX >> 5, width), next = inside((atX >> 5) + 1, width);
      const above = inside(atY >> 5, height) * width, below = inside((atY >> 5) + 1, height) * width;
      const top = old[above + left] * (32 - right) + old[above + next] * right;
      const bottom = old[below + left] * (32 - right) + old[below + next] * right;
      data[k++] = (top * (32 - low) + bottom * low + 512) >> 10;
    }
  }
  return { width: side, height: side, data };
}
