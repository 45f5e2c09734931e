// Reads faces from the outputs of the network YuNet, as facevalue.recognition.yunet does. YuNet looks
// for faces in three grids, whose cells have sides of 8, 16 and 32 pixels.

import { overlap } from "./boxes.js";

// Returns [{box: [x, y, width, height], score, landmarks: [x, y, x, y, ...]}], the highest score
// first, in pixels of a picture of this width, which is a multiple of 32. The landmarks are the
// right eye, the left eye, the nose, and the right and the left corner of the mouth.
// outputs: twelve arrays, for the grids in turn: classes, objects, boxes and landmarks.
export function decode(outputs, width, { strides, leastDoubt, mostOverlap }) {
  const found = strides.flatMap((stride, k) => {
    const [classes, objects, boxes, landmarks] = [0, 1, 2, 3].map((n) => outputs[3 * n + k]);
    return decodeGrid(stride, width / stride, classes, objects, boxes, landmarks, leastDoubt);
  });
  found.sort((a, b) => b.score - a.score);
  return withoutOverlaps(found, mostOverlap);
}

function decodeGrid(stride, columns, classes, objects, boxes, landmarks, leastScore) {
  const found = [];
  for (let cell = 0; cell < classes.length; cell++) {
    const score = fround(Math.sqrt(between0And1(classes[cell]) * between0And1(objects[cell])));
    if (score < leastScore) continue;
    const column = cell % columns, row = Math.floor(cell / columns);
    const [dx, dy, logWidth, logHeight] = boxes.subarray(4 * cell, 4 * cell + 4);
    const width = Math.exp(logWidth), height = Math.exp(logHeight);
    const box = [column + dx - width / 2, row + dy - height / 2, width, height];
    const points = Array.from(landmarks.subarray(10 * cell, 10 * cell + 10),
      (value, k) => value + (k % 2 ? row : column));
    found.push({
      box: box.map((value) => fround(value * stride)),
      score,
      landmarks: points.map((value) => fround(value * stride)),
    });
  }
  return found;
}

const { fround } = Math; // the numbers of the network have single precision

const between0And1 = (value) => Math.min(Math.max(value, 0), 1);

// Leaves out each face whose intersection over union with a better one is larger than `most`.
function withoutOverlaps(faces, most) {
  const kept = [];
  for (const face of faces)
    if (kept.every((other) => overlap(face.box, other.box) <= most)) kept.push(face);
  return kept;
}
