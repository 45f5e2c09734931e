// Grey pictures, as OpenCV makes them: {width, height, data}, with one byte per pixel.

// Converts RGBA, as a canvas gives it, as cv2.cvtColor does with COLOR_RGB2GRAY.
export function grey(image) {
  const { width, height, data: rgba } = image;
  const data = new Uint8Array(width * height);
  for (let i = 0, k = 0; i < data.length; i++, k += 4)
    data[i] = (rgba[k] * 9798 + rgba[k + 1] * 19235 + rgba[k + 2] * 3735 + 16384) >> 15;
  return { width, height, data };
}

// Cuts a part out; where it reaches over the edge, the last pixels are repeated.
export function cut(image, left, top, width, height) {
  const data = new Uint8Array(width * height);
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
