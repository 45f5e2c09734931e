// What to do if no face is found, judged by the brightness of the picture.

const SIDE = 32; // pixels of the small copy that is measured
const FLAT = 24; // grey levels: a picture with less contrast shows one colour only
const BLACK = 48; // a grey level: a darker picture without contrast is called too dark, not of one colour

const SENTENCES = {
  camera: {
    flat: "The picture shows one colour only: is something in front of the camera?",
    dark: "It is too dark: turn on a light, or turn towards a window.",
    bright: "It is too bright: turn away from the lamp or the window.",
    dim: "There is little light: turn towards it, so that it falls on your face.",
    other: "Turn the face to the camera, or come closer.",
  },
  photo: {
    flat: "The photo shows one colour only.",
    dark: "The photo is too dark.",
    bright: "The photo is too bright.",
    dim: "The photo is rather dark: try one with more light on the faces.",
    other: "Try a photo in which the faces are larger, uncovered and seen from the front.",
  },
};

// Returns a sentence. picture: a canvas; isPhoto: whether it is a photo, which nobody can pose for
// any more; dark: a grey level, as "dark" of /live/settings.json: the picture is dark if 99 % of it
// is darker.
export function hint(picture, isPhoto, dark) {
  const sentences = isPhoto ? SENTENCES.photo : SENTENCES.camera;
  const levels = greyLevels(picture);
  const range = levels.at(-1) - levels[0]; // a small face before a wall is few pixels of the copy
  const low = levels[Math.floor(0.01 * levels.length)];
  const high = levels[Math.floor(0.99 * levels.length)];
  const middle = levels[Math.floor(levels.length / 2)];
  if (range < FLAT && high > BLACK) return sentences.flat;
  if (high < dark) return sentences.dark;
  if (low > 128) return sentences.bright;
  if (middle < 0.4 * dark) return sentences.dim;
  return sentences.other;
}

// Returns the sorted grey levels of a small copy.
function greyLevels(picture) {
  const small = new OffscreenCanvas(SIDE, SIDE);
  const context = small.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0, SIDE, SIDE);
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  const levels = new Uint8Array(SIDE * SIDE);
  for (let k = 0; k < levels.length; k++)
    levels[k] = 0.299 * data[4 * k] + 0.587 * data[4 * k + 1] + 0.114 * data[4 * k + 2];
  return levels.sort();
}
